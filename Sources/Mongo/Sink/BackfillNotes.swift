import BSON
import Model

/// What a backfill notes in the state database, in the transaction of the documents it is about.
struct BackfillNotes {
    let connection: MongoConnection
    let session: MongoSession
    let stateDatabase: String
    let pipeline: String

    /// What goes with the last documents of a chunk.
    ///
    /// - Parameter removed: how many documents all of it has deleted.
    func write(_ chunk: ChunkWrite, removed: Int) throws {
        try remove(chunk.settled)
        try write(chunk.rereads)
        if let step = chunk.progress { try write(step) }
        if let step = chunk.sweep { try write(step, removed: removed) }
    }

    /// Rows to be read again.
    func write(_ rereads: [Reread]) throws {
        guard !rereads.isEmpty else { return }
        let bulk = try connection.bulk(stateDatabase, StateCollection.rereads, session: session)
        for reread in rereads {
            let id = id(of: reread)
            // A backfill that meets a row which a change has noted takes nothing away.
            var fields: [(String, BSONValue)] = [("schema_version", .int32(stateSchemaVersion))]
            if reread.cause.isStale { fields.append(("cause", .string(reread.cause.rawValue))) }
            if reread.cause == .retry { fields.append(("retry", true)) }
            let note: BSONDocument = ["$set": .document(BSONDocument(fields))]
            try id.bytes.withUnsafeBytes { id in
                try note.bytes.withUnsafeBytes { try bulk.update(id, $0, upsert: true) }
            }
        }
        try bulk.execute()
    }

    /// Rows that are settled.
    private func remove(_ rereads: [Reread]) throws {
        guard !rereads.isEmpty else { return }
        let bulk = try connection.bulk(stateDatabase, StateCollection.rereads, session: session)
        for reread in rereads { try id(of: reread).bytes.withUnsafeBytes { try bulk.remove($0) } }
        try bulk.execute()
    }

    private func id(of reread: Reread) -> BSONDocument {
        [
            "_id": [
                "pipeline": .string(pipeline), "collection": .string(reread.collection),
                "key": reread.key["_id"] ?? .null,
            ]
        ]
    }

    /// How far a segment is. Writing it twice changes nothing.
    private func write(_ step: BackfillStep) throws {
        let segment = "backfill.segments.\(step.segment)"
        let position: BSONValue = step.position.map { .array($0.map { .string($0) }) } ?? .null
        var filter: [(String, BSONValue)] = [
            ("_id", TableState.id(of: step.route, in: pipeline)), ("\(segment).is_done", false),
        ]
        if !step.isDone { filter.append(("\(segment).position", ["$ne": position])) }
        let fields = BSONDocument([("\(segment).position", position), ("\(segment).is_done", .bool(step.isDone))])
        let change: BSONDocument = [
            "$set": .document(fields), "$inc": ["backfill.rows": .int64(Int64(step.rows))],
        ]
        try update(BSONDocument(filter), change)
    }

    /// How far a sweep is. Writing it twice changes nothing.
    private func write(_ step: SweepStep, removed: Int) throws {
        let position: BSONValue = step.position.map { .document($0) } ?? .null
        var filter: [(String, BSONValue)] = [
            ("_id", TableState.id(of: step.route, in: pipeline)), ("backfill.sweep.is_done", false),
        ]
        if !step.isDone { filter.append(("backfill.sweep.position", ["$ne": position])) }
        let change: BSONDocument = [
            "$set": ["backfill.sweep.position": position, "backfill.sweep.is_done": .bool(step.isDone)],
            "$inc": [
                "backfill.sweep.removed": .int64(Int64(removed)),
                "backfill.sweep.foreign": .int64(Int64(step.foreign)),
            ],
        ]
        try update(BSONDocument(filter), change)
    }

    private func update(_ filter: BSONDocument, _ change: BSONDocument) throws {
        try connection.command(
            stateDatabase,
            [
                "update": .string(StateCollection.tables),
                "updates": [["q": .document(filter), "u": .document(change)]],
            ], session: session)
    }
}
