import BSON
import Model

/// Changes that could not be written, and what somebody asks of them. What is asked is written beside the worker's
/// transactions; it finds out by the number in `controls`.
extension MongoStateStore {
    package func heldLetters(of pipeline: String) throws -> HeldLetters {
        // Before the letters: what is asked later is still to be found.
        let orders = try letterOrders(of: pipeline)
        let documents = try during("reading what is held back") {
            try connection.find(
                database, StateCollection.deadLetters, filter: ["_id": StateCollection.letters(of: pipeline)],
                projection: ["collection": 1, "holds": 1], limit: HeldLetters.most + 1)
        }
        guard documents.count <= HeldLetters.most else { throw HeldLetters.tooMany(pipeline) }
        var held = HeldLetters()
        held.orders = orders
        held.letters = documents.count
        for document in documents {
            guard let collection = document["collection"]?.asString, let keys = document["holds"]?.asArray,
                let sequence = document["_id"]?.asDocument?["sequence"]?.asInt64
            else { throw Failure(.unexpected, "a letter of pipeline \(pipeline) can't be read") }
            held.lastSequence = max(held.lastSequence, sequence)
            for key in keys { held.keys[HeldKey(collection: collection, key: ["_id": key]), default: 0] += 1 }
        }
        return held
    }

    /// Letters in their order, the oldest first: those of these numbers, or all.
    package func letters(of pipeline: String, _ numbers: [Int64]? = nil) throws -> [DeadLetter] {
        var filter: [(String, BSONValue)] = [("_id", StateCollection.letters(of: pipeline))]
        if let numbers { filter.append(("_id.sequence", ["$in": .array(numbers.map { .int64($0) })])) }
        let documents = try during("reading what is held back") {
            try connection.find(
                database, StateCollection.deadLetters, filter: BSONDocument(filter), limit: HeldLetters.most)
        }
        return documents.compactMap { DeadLetter($0) }.sorted { $0.sequence < $1.sequence }
    }

    package func letterOrders(of pipeline: String) throws -> Int64 {
        let found = try during("looking for what is asked of letters") {
            try connection.find(
                database, StateCollection.controls, filter: ["_id": .string(pipeline)],
                projection: ["letter_orders": 1], limit: 1)
        }
        return found.first?["letter_orders"]?.asInt64 ?? 0
    }

    /// Has the rows of held keys read again: each is released when it is written, or gone.
    package func retry(_ keys: [HeldKey], of pipeline: String) throws {
        try orderLetters("having held rows read again", of: pipeline) { session in
            let bulk = try connection.bulk(database, StateCollection.rereads, session: session)
            for held in keys {
                let id: BSONDocument = [
                    "_id": [
                        "pipeline": .string(pipeline), "collection": .string(held.collection),
                        "key": held.key["_id"] ?? .null,
                    ]
                ]
                let note: BSONDocument = ["$set": ["schema_version": .int32(stateSchemaVersion), "retry": true]]
                try id.bytes.withUnsafeBytes { id in
                    try note.bytes.withUnsafeBytes { try bulk.update(id, $0, upsert: true) }
                }
            }
            if bulk.count > 0 { try bulk.execute() }
        }
    }

    /// Removes the letters of these keys, which are held back no more; their documents stay as they are.
    package func discard(_ keys: [HeldKey], of pipeline: String) throws {
        try orderLetters("discarding what is held back", of: pipeline) { session in
            let notes = LetterNotes(
                connection: connection, session: session, stateDatabase: database, pipeline: pipeline)
            for (collection, keys) in Dictionary(grouping: keys, by: \.collection) {
                try notes.release(keys.map(\.key), in: collection)
            }
        }
    }

    /// In one transaction with the number that tells the worker of it. Collections are made before: older pipelines
    /// lack some.
    private func orderLetters(
        _ action: String, of pipeline: String, _ body: (MongoSession) throws -> Void
    ) throws {
        try during(action) { try createCollections() }
        try order(action, of: pipeline) {
            let session = try connection.startSession()
            try session.startTransaction()
            defer { session.abort() }
            try body(session)
            try connection.command(
                database,
                [
                    "update": .string(StateCollection.controls),
                    "updates": [
                        [
                            "q": ["_id": .string(pipeline)],
                            "u": [
                                "$inc": ["letter_orders": .int64(1)],
                                "$set": ["schema_version": .int32(stateSchemaVersion)],
                            ], "upsert": true,
                        ]
                    ],
                ], session: session)
            try session.commit()
        }
    }
}
