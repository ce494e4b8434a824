import BSON
import Model
import Mongo
import PinnedThread

/// A test's own eyes on MongoDB: a client beside those of the program under test, on a thread of its own.
package actor MongoInspector {
    private let thread = PinnedThread(name: "test-mongo")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    private lazy var connection = MongoConnection(pool)

    /// - Parameter uri: names the database that collections are looked for in.
    package init(uri: String) throws {
        pool = try MongoPool(uri: uri, applicationName: "wherry-test")
    }

    /// Runs a command on `database`, the target's when nil.
    ///
    /// - Throws: `Failure`.
    @discardableResult
    package func command(_ command: BSONDocument, on database: String? = nil) throws -> BSONDocument {
        do {
            return try connection.command(database ?? pool.database, command)
        } catch let error as MongoError {
            throw error.failure("answering a test", at: pool.address)
        }
    }

    /// Every document of a collection that is durable (read concern majority), `_id` first.
    package func documents(
        _ collection: String, filter: BSONDocument = [:], projection: BSONDocument = [:], on database: String? = nil
    ) throws -> [BSONDocument] {
        var reply = try command(
            [
                "find": .string(collection), "filter": .document(filter), "projection": .document(projection),
                "readConcern": ["level": "majority"], "batchSize": 5000,
            ], on: database)
        var documents: [BSONDocument] = []
        while let cursor = reply["cursor"]?.asDocument {
            documents += (cursor["firstBatch"]?.asArray ?? cursor["nextBatch"]?.asArray ?? []).compactMap(\.asDocument)
            guard let id = cursor["id"]?.asInt64, id != 0 else { break }
            reply = try command(
                ["getMore": .int64(id), "collection": .string(collection), "batchSize": 5000], on: database)
        }
        return documents
    }

    package func document(_ collection: String, _ id: BSONValue) throws -> BSONDocument? {
        try documents(collection, filter: ["_id": id]).first
    }

    package func count(_ collection: String) throws -> Int {
        let reply = try command(["count": .string(collection), "readConcern": ["level": "majority"]])
        return reply["n"]?.asInt ?? 0
    }

    package func insert(_ documents: [BSONDocument], into collection: String) throws {
        try command(
            [
                "insert": .string(collection), "documents": .array(documents.map { .document($0) }),
                "writeConcern": ["w": "majority"],
            ])
    }

    package func createUniqueIndex(_ collection: String, on field: String) throws {
        try command(
            [
                "createIndexes": .string(collection),
                "indexes": [["key": [field: 1], "name": .string("unique_\(field)"), "unique": true]],
            ])
    }
}
