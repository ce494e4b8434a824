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

    package func sweepLedger(of collection: String, attempt: Int) throws {
        try during("removing documents whose rows are gone from \(collection)") {
            let mine: (String, BSONValue) = ("_id", StateCollection.copiedKeys(of: collection, in: pipeline))
            let earlier: [(String, BSONValue)] = [mine, ("attempt", ["$lt": .int32(Int32(clamping: attempt))])]
            let stale = BSONDocument(earlier)
            while true {
                let notes = try connection.find(
                    stateDatabase, StateCollection.copiedKeys, filter: stale, limit: 5000)
                if notes.isEmpty { break }
                let documents = try connection.bulk(pool.database, collection, session: nil)
                let ledger = try connection.bulk(stateDatabase, StateCollection.copiedKeys, session: nil)
                for note in notes {
                    guard let id = note["_id"]?.asDocument else { continue }
                    let key: BSONDocument = ["_id": id["key"] ?? .null]
                    try key.bytes.withUnsafeBytes { try documents.remove($0) }
                    let entry: BSONDocument = ["_id": .document(id)]
                    try entry.bytes.withUnsafeBytes { try ledger.remove($0) }
                }
                // The documents first: after a crash in between the notes are still there.
                try documents.execute()
                try ledger.execute()
            }
            try connection.command(
                stateDatabase,
                [
                    "delete": .string(StateCollection.copiedKeys),
                    "deletes": [["q": .document(BSONDocument([mine])), "limit": 0]], "writeConcern": majority,
                ])
        }
    }

    private func during<Result>(_ action: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as MongoError { throw error.failure(action, at: pool.address) }
    }
}
