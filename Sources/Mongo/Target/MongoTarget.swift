import BSON
import Model
import PinnedThread

/// The target database as a whole: collections, whether they hold anything, and cleaning up after a copy.
package actor MongoTarget: TargetDatabase {
    private let thread = PinnedThread(name: "mongo-target")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    private let stateDatabase: String
    private let pipeline: String
    private lazy var connection = MongoConnection(pool)

    package init(pool: MongoPool, stateDatabase: String, pipeline: String) {
        self.pool = pool
        self.stateDatabase = stateDatabase
        self.pipeline = pipeline
    }

    package func createCollections(_ names: [String]) throws {
        try during("creating collections") {
            for name in names {
                do {
                    try connection.command(pool.database, ["create": .string(name), "writeConcern": majority])
                } catch let error as MongoError where error.code == 48 {
                    continue  // NamespaceExists
                }
            }
        }
    }

    package func nonEmpty(_ parts: [CollectionPart]) throws -> Set<CollectionPart> {
        try during("looking into the target") {
            try Set(
                parts.filter { part in
                    try !connection.find(
                        pool.database, part.collection, filter: part.filter, projection: ["_id": 1], limit: 1
                    ).isEmpty
                })
        }
    }

    package func collated(_ collections: Set<String>) throws -> Set<String> {
        if collections.isEmpty { return [] }
        return try during("looking into the target") {
            let names = collections.sorted().map { BSONValue.string($0) }
            let reply = try connection.command(
                pool.database,
                [
                    "listCollections": 1,
                    "filter": ["name": ["$in": .array(names)], "options.collation": ["$exists": true]],
                    "cursor": ["batchSize": .int64(Int64(names.count) + 1)],
                ])
            let found = reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []
            return Set(found.compactMap { $0.asDocument?["name"]?.asString })
        }
    }

    package func keys(of part: CollectionPart, after key: BSONDocument?, limit: Int) throws -> [BSONDocument] {
        let bounds = part.bounds
        let passed: BSONDocument? = key ?? bounds.map { ["_id": $0.first] }
        return try during("looking through collection \(part)") {
            // One more, because the bound belongs to what is found, as long as that document is there.
            let found = try connection.find(
                pool.database, part.collection, filter: [:], projection: ["_id": 1],
                from: passed ?? ["_id": .minKey], to: bounds.map { ["_id": $0.end] }, limit: limit + 1)
            return Array(found.drop { $0 == passed }.prefix(limit))
        }
    }

    /// Deletes all documents of a part. For whoever holds the pipeline's lock; a worker's own cleaning up is
    /// `MongoCopySink`'s.
    package func empty(_ part: CollectionPart) throws {
        try during("emptying collection \(part)") {
            while try deleteSome(of: part) {}
        }
    }

    /// Deletes up to 10,000 documents: short commands, so that a lost connection costs little.
    private func deleteSome(of part: CollectionPart) throws -> Bool {
        let keys = try connection.find(
            pool.database, part.collection, filter: part.filter, projection: ["_id": 1], limit: 10_000)
        guard !keys.isEmpty else { return false }
        let bulk = try connection.bulk(pool.database, part.collection, session: nil)
        for key in keys { try key.bytes.withUnsafeBytes { try bulk.remove($0) } }
        try bulk.execute()
        return true
    }

    private func during<Result>(_ action: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as MongoError { throw error.failure(action, at: pool.address) }
    }
}
