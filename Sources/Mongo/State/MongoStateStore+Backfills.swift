import BSON
import Model

/// Backfills in the documents of their tables. What operators ask of them is written into the same documents, by a
/// compare and set; the pipeline's own document is left to the sink's transactions.
extension MongoStateStore {
    package func saveBackfills(_ tables: [TableState], of state: PipelineState) throws {
        let updates = tables.map { table -> BSONValue in
            var set: [(String, BSONValue)] = [("copy", table.progress)]
            var unset: [(String, BSONValue)] = [("wanted", "")]
            if let backfill = table.backfill {
                set.append(("backfill", backfill.bson))
                // Why one was given up stands until the next one begins.
                unset += [("refusal", ""), ("refusal_kind", "")]
            } else {
                unset.append(("backfill", ""))
            }
            return [
                "q": ["_id": table.id(in: state.pipeline), "wanted.requested_at": .time(table.wanted?.requestedAt)],
                "u": ["$set": .document(BSONDocument(set)), "$unset": .document(BSONDocument(unset))],
            ]
        }
        try write(updates, of: state, endingRereadsOf: tables.filter { $0.backfill == nil }.map(\.part))
    }

    package func want(_ tables: [TableState], of state: PipelineState) throws {
        try write(
            tables.map { table in
                ["q": ["_id": table.id(in: state.pipeline)], "u": ["$set": ["wanted": table.wanted?.bson ?? .null]]]
            }, of: state)
    }

    private func write(
        _ updates: [BSONValue], of state: PipelineState, endingRereadsOf parts: [CollectionPart] = []
    ) throws {
        guard !updates.isEmpty else { return }
        let deletes = parts.map { part -> BSONValue in
            // What a change has noted is not the backfill's: its document is stale until the row is read.
            [
                "q": [
                    "_id": StateCollection.keys(of: part, in: state.pipeline),
                    "cause": ["$exists": false], "retry": ["$ne": true],
                ], "limit": 0,
            ]
        }
        try during("writing the backfill's plan") {
            try holding(state) { session in
                try connection.command(
                    database, ["update": .string(StateCollection.tables), "updates": .array(updates)],
                    session: session)
                guard !deletes.isEmpty else { return }
                try connection.command(
                    database, ["delete": .string(StateCollection.rereads), "deletes": .array(deletes)],
                    session: session)
            }
        }
    }

    package func replaceCheckpoint(_ checkpoint: Checkpoint, of state: PipelineState) throws {
        try during("writing the checkpoint") {
            guard
                try update(
                    [("_id", .string(state.pipeline)), ("epoch", .int64(state.epoch))],
                    set: [("checkpoint", checkpoint.bson)])
            else { throw Failure.fenced(state.pipeline) }
        }
    }

    // MARK: - Orders

    package func ask(_ request: BackfillRequest, of table: TableState, in pipeline: String) throws -> Bool {
        try change(
            table, in: pipeline,
            [
                "$set": ["wanted": request.bson],
                "$unset": ["refusal": "", "refusal_kind": ""],
            ], leaving: request)
    }

    package func order(_ order: BackfillOrder, of table: TableState, in pipeline: String) throws -> Bool {
        let change: BSONDocument
        var wanted = table.wanted
        switch order {
        case .pause: change = ["$set": ["backfill.is_paused": true]]
        case .resume: change = ["$set": ["backfill.is_paused": false]]
        case .cancel where wanted != nil: (change, wanted) = (["$unset": ["wanted": ""]], nil)
        case .cancel: change = ["$set": ["backfill.is_cancelled": true]]
        }
        return try self.change(table, in: pipeline, change, leaving: wanted)
    }

    package func refuse(_ table: TableState, because reason: Failure, of pipeline: String) throws {
        let note: [(String, BSONValue)] = [
            ("refusal", .string(reason.message)), ("refusal_kind", .string(reason.kind.rawValue)),
        ]
        let change: BSONDocument =
            table.wanted == nil
            ? ["$set": .document(BSONDocument(note + [("backfill.is_cancelled", true)]))]
            : ["$set": .document(BSONDocument(note)), "$unset": ["wanted": ""]]
        _ = try self.change(table, in: pipeline, change, leaving: nil)
    }

    /// Whether the backfill still was the one seen, and what is asked for too.
    ///
    /// - Parameter wanted: what is asked for when this is written.
    private func change(
        _ table: TableState, in pipeline: String, _ change: BSONDocument, leaving wanted: BackfillRequest?
    ) throws -> Bool {
        let requests: [BSONValue] = [.time(table.wanted?.requestedAt), .time(wanted?.requestedAt)]
        let seen: BSONValue = [
            "_id": table.id(in: pipeline), "wanted.requested_at": ["$in": .array(requests)],
            "backfill.started_at": .time(table.backfill?.startedAt),
        ]
        let reply = try order(
            "writing what is asked of a backfill", of: pipeline,
            ["update": .string(StateCollection.tables), "updates": [["q": seen, "u": .document(change)]]])
        return reply["n"]?.asInt64 == 1
    }

    package func orders(of pipeline: String) throws -> [Route: BackfillOrders] {
        let documents = try during("looking for what is asked of backfills") {
            try connection.find(
                database, StateCollection.tables, filter: ["_id.pipeline": .string(pipeline)],
                projection: [
                    "wanted.requested_at": 1, "backfill.is_paused": 1, "backfill.is_cancelled": 1, "membership": 1,
                    "accepts_schema_change": 1,
                ],
                limit: 100_000)
        }
        var orders: [Route: BackfillOrders] = [:]
        for document in documents {
            guard let route = Route(document["_id"]) else { continue }
            let backfill = document["backfill"]?.asDocument
            orders[route] = BackfillOrders(
                requestedAt: document["wanted"]?.asDocument?["requested_at"]?.asTime,
                isPaused: backfill?["is_paused"]?.asBool ?? false,
                isCancelled: backfill?["is_cancelled"]?.asBool ?? false,
                membership: TableMembership(document["membership"]?.asString),
                acceptsChange: document["accepts_schema_change"]?.asBool ?? false)
        }
        return orders
    }

    /// Whether any row of a table has to be read again for its backfill.
    package func hasRereads(in part: CollectionPart, of pipeline: String) throws -> Bool {
        try during("looking for rows that have to be read again") {
            try !connection.find(
                database, StateCollection.rereads,
                filter: [
                    "_id": StateCollection.keys(of: part, in: pipeline),
                    "cause": ["$exists": false],
                ], projection: ["_id": 1], limit: 1
            ).isEmpty
        }
    }
}
