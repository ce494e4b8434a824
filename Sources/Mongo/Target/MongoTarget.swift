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

    package func nonEmpty(_ names: [String]) throws -> Set<String> {
        try during("looking into the target") {
            try Set(
                names.filter {
                    try !connection.find(pool.database, $0, filter: [:], projection: ["_id": 1], limit: 1).isEmpty
                })
        }
    }

    package func keys(of collection: String, after key: BSONDocument?, limit: Int) throws -> [BSONDocument] {
        try during("looking through collection \(collection)") {
            // One more, because the bound belongs to what is found, as long as that document is there.
            let found = try connection.find(
                pool.database, collection, filter: [:], projection: ["_id": 1], from: key ?? ["_id": .minKey],
                limit: limit + 1)
            return Array(found.drop { $0 == key }.prefix(limit))
        }
    }

    /// Deletes all documents of a collection. For whoever holds the pipeline's lock; a worker's own cleaning up is
    /// `MongoCopySink`'s.
    package func empty(_ collection: String) throws {
        try during("emptying collection \(collection)") {
            while try deleteSome(of: collection) {}
        }
    }

    /// Deletes up to 10,000 documents: short commands, so that a lost connection costs little.
    private func deleteSome(of collection: String) throws -> Bool {
        let keys = try connection.find(
            pool.database, collection, filter: [:], projection: ["_id": 1], limit: 10_000)
        guard !keys.isEmpty else { return false }
        let bulk = try connection.bulk(pool.database, collection, session: nil)
        for key in keys { try key.bytes.withUnsafeBytes { try bulk.remove($0) } }
        try bulk.execute()
        return true
    }

    private func during<Result>(_ action: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as MongoError { throw error.failure(action, at: pool.address) }
    }
}
