import BSON
import Model

/// What a sink keeps of changes that can't be written, in the transaction of those that can.
struct LetterNotes {
    let connection: MongoConnection
    let session: MongoSession
    let stateDatabase: String
    let pipeline: String

    /// - Parameter orders: what they go by: with keys that somebody has released meanwhile they would be held for ever.
    /// - Throws: `Failure(.inUse)` when something has been asked since.
    func write(_ letters: [DeadLetter], by orders: Int64) throws {
        guard !letters.isEmpty else { return }
        try require(orders, adding: letters.count)
        let bulk = try connection.bulk(stateDatabase, StateCollection.deadLetters, session: session)
        for letter in letters { try letter.bson(in: pipeline).bytes.withUnsafeBytes { try bulk.insert($0) } }
        try bulk.execute()
    }

    /// Makes sure that nothing has been asked since, nor will be before the transaction is over.
    func require(_ orders: Int64, adding count: Int = 0) throws {
        // A write, so that what is asked at the same time is a conflict.
        let reply = try connection.command(
            stateDatabase,
            [
                "findAndModify": .string(StateCollection.controls), "query": ["_id": .string(pipeline)],
                "update": [
                    "$inc": ["letters": .int64(Int64(count))],
                    "$set": ["schema_version": .int32(stateSchemaVersion)],
                ],
                "new": true, "upsert": true, "fields": ["letter_orders": 1],
            ], session: session)
        guard reply["value"]?.asDocument?["letter_orders"]?.asInt64 ?? 0 == orders else {
            throw Failure(
                .inUse, "what is held back of pipeline \(pipeline) was retried or discarded while more was to be held",
                hint: "The stream goes on from its checkpoint with what is held now.")
        }
    }

    /// Holds keys back no more, and removes letters that hold no other one.
    ///
    /// - Parameter keys: `{_id: …}`.
    func release(_ keys: [BSONDocument], in collection: String) throws {
        guard !keys.isEmpty else { return }
        let values = BSONValue.array(keys.map { $0["_id"] ?? .null })
        let own: [(String, BSONValue)] = [
            ("_id", StateCollection.letters(of: pipeline)), ("collection", .string(collection)),
        ]
        try connection.command(
            stateDatabase,
            [
                "update": .string(StateCollection.deadLetters),
                "updates": [
                    [
                        "q": .document(BSONDocument(own + [("holds", ["$in": values])])),
                        "u": ["$pull": ["holds": ["$in": values]]], "multi": true,
                    ]
                ],
            ], session: session)
        try delete(own + [("holds", ["$size": 0])])
    }

    /// Removes every letter of a collection, or of a part of it. (Both keys of a letter are one table's.)
    func forget(_ part: CollectionPart) throws {
        var filter: [(String, BSONValue)] = [
            ("_id", StateCollection.letters(of: pipeline)), ("collection", .string(part.collection)),
        ]
        if let bounds = part.bounds {
            filter.append(("keys", ["$elemMatch": ["$gt": bounds.first, "$lt": bounds.end]]))
        }
        try delete(filter)
    }

    private func delete(_ filter: [(String, BSONValue)]) throws {
        try connection.command(
            stateDatabase,
            [
                "delete": .string(StateCollection.deadLetters),
                "deletes": [["q": .document(BSONDocument(filter)), "limit": 0]],
            ], session: session)
    }
}
