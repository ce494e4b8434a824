import BSON
import Model

/// What a sink keeps of changes that can't be written, in the transaction of those that can.
struct LetterNotes {
    let connection: MongoConnection
    let session: MongoSession
    let stateDatabase: String
    let pipeline: String

    func write(_ letters: [DeadLetter]) throws {
        guard !letters.isEmpty else { return }
        let bulk = try connection.bulk(stateDatabase, StateCollection.deadLetters, session: session)
        for letter in letters { try letter.bson(in: pipeline).bytes.withUnsafeBytes { try bulk.insert($0) } }
        try bulk.execute()
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

    /// Removes every letter of a collection.
    func forget(_ collection: String) throws {
        try delete([("_id", StateCollection.letters(of: pipeline)), ("collection", .string(collection))])
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
