import BSON
import Model

/// Tables that come, go and change. What operators want of them is written into their documents, and which are to stay
/// out beside `controls`: the pipeline's own document is left to the sink's transactions.
extension MongoStateStore {
    package func write(_ updates: [TableUpdate], of state: PipelineState) throws {
        guard !updates.isEmpty else { return }
        try during("writing the pipeline's tables") {
            try holding(state) { session in
                let ids = updates.map { TableState.id(of: $0.stored, in: state.pipeline) }
                let stored = try connection.find(
                    database, StateCollection.tables, filter: ["_id": ["$in": .array(ids)]], limit: ids.count,
                    session: session)
                let documents = try zip(ids, updates).map { id, update in
                    let found = stored.first { $0["_id"] == id }
                    try requireSeen(update.before, found)
                    return update.table.document(over: found, in: state.pipeline)
                }
                // All of them before any is written: two tables may have swapped their names.
                try delete(ids, session)
                try connection.command(
                    database,
                    [
                        "insert": .string(StateCollection.tables),
                        "documents": .array(documents.map { .document($0) }),
                    ], session: session)
            }
        }
    }

    /// What an operator has asked since the table was read would be overwritten.
    private func requireSeen(_ before: TableState?, _ stored: BSONDocument?) throws {
        guard let before, stored.flatMap({ TableState($0) })?.asked != before.asked else { return }
        throw Failure(
            .inUse, "something was asked of table \(before.table) while it was settled what has become of it",
            hint: "The worker starts again, and finds it.")
    }

    package func remove(_ tables: [TableState], of state: PipelineState) throws {
        guard !tables.isEmpty else { return }
        try during("removing tables from the pipeline") {
            try holding(state) { session in
                try delete(tables.map { $0.id(in: state.pipeline) }, session)
                let rereads = tables.map { table -> BSONValue in
                    ["q": ["_id": StateCollection.keys(of: table.part, in: state.pipeline)], "limit": 0]
                }
                try connection.command(
                    database, ["delete": .string(StateCollection.rereads), "deletes": .array(rereads)],
                    session: session)
                let letters = LetterNotes(
                    connection: connection, session: session, stateDatabase: database, pipeline: state.pipeline)
                for table in tables { try letters.forget(table.part) }
                for name in tables.names where try !has(name, state.pipeline, session) {
                    try connection.command(
                        database, leaving(LeftTable(table: name, isOrdered: false), state.pipeline), session: session)
                }
            }
        }
    }

    /// Whether the table has a collection of the pipeline.
    private func has(_ table: TableName, _ pipeline: String, _ session: MongoSession) throws -> Bool {
        try !connection.find(
            database, StateCollection.tables, filter: collections(of: table, pipeline), projection: ["_id": 1],
            limit: 1, session: session
        ).isEmpty
    }

    /// Matches the documents of a table.
    private func collections(of table: TableName, _ pipeline: String) -> BSONDocument {
        [
            "_id.pipeline": .string(pipeline), "_id.schema": .string(table.schema), "_id.table": .string(table.name),
        ]
    }

    private func delete(_ ids: [BSONValue], _ session: MongoSession) throws {
        try connection.command(
            database,
            [
                "delete": .string(StateCollection.tables),
                "deletes": [["q": ["_id": ["$in": .array(ids)]], "limit": 0]],
            ], session: session)
    }

    // MARK: - Operators

    package func join(_ table: TableState, in pipeline: String) throws -> Bool {
        let name: BSONValue = ["schema": .string(table.table.schema), "table": .string(table.table.name)]
        let action = "adding a table to the pipeline"
        try order(action, of: pipeline, changeLeft(["$pull": ["left_tables": name]], pipeline, upsert: false))
        let inserted = try order(action, of: pipeline) { () -> BSONDocument? in
            do {
                return try limited(
                    [
                        "insert": .string(StateCollection.tables),
                        "documents": [.document(table.bson(in: pipeline))],
                    ])
            } catch let error as MongoError where error.duplicateKey != nil {
                return nil
            }
        }
        guard let inserted else { return false }
        try during(action) { try awaitMajority(after: inserted) }
        return true
    }

    package func order(_ order: TableOrder, of table: TableName, in pipeline: String) throws -> Bool {
        let action = "writing what is asked of a table"
        let change: BSONDocument
        switch order {
        case .acceptChange: change = ["accepts_schema_change": true]
        case .leave(let deletesDocuments):
            // First: a table that is only noted here is still carried.
            try self.order(action, of: pipeline, leaving(LeftTable(table: table, isOrdered: true), pipeline))
            let membership = TableMembership.leaving(deletesDocuments: deletesDocuments).text
            change = ["membership": membership.map { .string($0) } ?? .null]
        }
        let reply = try self.order(
            action, of: pipeline,
            [
                "update": .string(StateCollection.tables),
                "updates": [
                    ["q": .document(collections(of: table, pipeline)), "u": ["$set": .document(change)], "multi": true]
                ],
            ])
        return reply["n"]?.asInt64 ?? 0 > 0
    }

    // MARK: - Tables that have left

    package func leftTables(of pipeline: String) throws -> Set<LeftTable> {
        let document = try find(StateCollection.controls, ["_id": .string(pipeline)]).first
        return Set((document?["left_tables"]?.asArray ?? []).compactMap(\.asDocument).compactMap { LeftTable($0) })
    }

    private func leaving(_ table: LeftTable, _ pipeline: String) -> BSONDocument {
        changeLeft(["$addToSet": ["left_tables": table.bson]], pipeline, upsert: true)
    }

    /// The command that does it.
    private func changeLeft(_ change: BSONValue, _ pipeline: String, upsert: Bool) -> BSONDocument {
        [
            "update": .string(StateCollection.controls),
            "updates": [["q": ["_id": .string(pipeline)], "u": change, "upsert": .bool(upsert)]],
        ]
    }
}

extension TableState {
    /// What operators write into it.
    fileprivate var asked: BackfillOrders {
        BackfillOrders(
            requestedAt: wanted?.requestedAt, isPaused: false, isCancelled: false, membership: membership,
            acceptsChange: acceptsChange)
    }

    /// What a start writes, over what is stored: that has the progress of copy and backfill.
    fileprivate func document(over stored: BSONDocument?, in pipeline: String) -> BSONDocument {
        var own = bson(in: pipeline).elements
        guard let stored else { return BSONDocument(own) }
        if let copy = stored["copy"] { own = own.filter { $0.name != "copy" } + [("copy", copy)] }
        let names =
            own.map(\.name) + [
                "wanted", "shape", "covered_to", "membership", "row_filter", "accepts_schema_change",
            ]
        return BSONDocument(own + stored.elements.filter { !names.contains($0.name) })
    }
}
