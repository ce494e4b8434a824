import BSON
import Model
import PinnedThread

/// Which indexes there are, and how far those are that are being made.
package actor MongoIndexCatalog {
    private let thread = PinnedThread(name: "mongo-index-watch")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    private lazy var connection = MongoConnection(pool)

    package init(pool: MongoPool) { self.pool = pool }

    /// How what a collection has differs from what is asked for.
    ///
    /// - Throws: `Failure`.
    package func comparison(
        of indexes: [CollectionIndex], with collection: String, omitsNulls: Bool
    ) throws -> IndexComparison {
        IndexComparison(asked: indexes, omitsNulls: omitsNulls, stored: try self.indexes(of: collection))
    }

    /// Those that are finished, as `listIndexes` shows them (MongoDB manual, "listIndexes"); empty also where there is no
    /// collection. There are 64 at most.
    func indexes(of collection: String) throws -> [BSONDocument] {
        do {
            let reply = try connection.command(
                pool.database,
                ["listIndexes": .string(collection), "cursor": ["batchSize": 1000], "includeBuildUUIDs": true])
            let indexes = reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []
            // One that is being made is a `spec` beside its `buildUUID` then.
            return indexes.compactMap(\.asDocument).filter { $0["name"] != nil }
        } catch let error as MongoError where error.code == 26 {
            return []
        } catch let error as MongoError {
            throw error.failure("reading the indexes of \(collection)", at: pool.address)
        }
    }

    /// Needs the privilege `inprog`: the server makes indexes under a name of its own.
    func share(in collection: String) -> Double? {
        let stages: [BSONValue] = [
            ["$currentOp": ["allUsers": true]],
            [
                "$match": [
                    "command.createIndexes": .string(collection), "command.$db": .string(pool.database),
                    "progress.total": ["$gt": 0],
                ]
            ],
        ]
        let reply = try? connection.command("admin", ["aggregate": 1, "pipeline": .array(stages), "cursor": [:]])
        let operations = reply?["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []
        guard let progress = operations.first?.asDocument?["progress"]?.asDocument,
            let done = progress["done"]?.asInt64, let total = progress["total"]?.asInt64, total > 0
        else { return nil }
        return min(1, Double(done) / Double(total))
    }
}
