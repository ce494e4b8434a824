import BSON
import Model
import PinnedThread

/// The indexes of the target's collections. The build blocks a thread and a connection of its own for as long as it
/// takes.
package struct MongoIndexes: IndexTarget {
    private let builder: MongoIndexBuilder
    private let watcher: MongoIndexWatcher

    /// - Parameter pipeline: by which the server's operations are told from those of others.
    package init(pool: MongoPool, pipeline: String) {
        let comment = "wherry \(pipeline) indexes"
        builder = MongoIndexBuilder(pool: pool, comment: comment)
        watcher = MongoIndexWatcher(pool: pool, comment: comment)
    }

    package func missing(_ indexes: [CollectionIndex], of collection: String) async throws -> [CollectionIndex] {
        let names = try await watcher.names(of: collection)
        return indexes.filter { !names.contains($0.name) }
    }

    package func build(_ index: CollectionIndex, of collection: String, omitsNulls: Bool) async throws {
        try await builder.build(index, of: collection, omitsNulls: omitsNulls)
    }

    package func share(of index: CollectionIndex, in collection: String) async -> Double? {
        await watcher.share(in: collection)
    }

    package func giveUp() async { await watcher.giveUp() }
}

private actor MongoIndexBuilder {
    private let thread = PinnedThread(name: "mongo-indexes")
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    private let comment: String
    private lazy var connection = MongoConnection(pool)

    init(pool: MongoPool, comment: String) {
        self.pool = pool
        self.comment = comment
    }

    func build(_ index: CollectionIndex, of collection: String, omitsNulls: Bool) throws {
        do {
            try connection.command(
                pool.database,
                [
                    "createIndexes": .string(collection),
                    "indexes": [.document(index.specification(omitsNulls: omitsNulls))],
                    "comment": .string(comment), "writeConcern": majority,
                ])
        } catch let error as MongoError {
            throw failure(error, index, collection)
        }
    }

    private func failure(_ error: MongoError, _ index: CollectionIndex, _ collection: String) -> Failure {
        switch error.code {
        case 11000:
            return Failure(
                .dataRefused,
                "documents of \(collection) have the same values in unique index \(index.name)",
                hint: "The source allows two rows there that the index doesn't, or NULLs: see `wherry check`. Make it "
                    + "sparse, not unique, or mend the data.")
        // BadValue, TypeMismatch, CannotCreateIndex, IndexOptionsConflict, IndexKeySpecsConflict, CannotIndexParallel.
        case 2, 14, 67, 85, 86, 171, 197:
            return Failure(
                .configuration,
                "MongoDB doesn't make index \(index.name) of \(collection): \(error.codeName) (\(error.code))",
                hint: "Another one of the same fields may be there under another name: look at "
                    + "db.getCollection(\"\(collection)\").getIndexes(), and drop it or take this one out of the file.")
        default: return error.failure("making index \(index.name) of \(collection)", at: pool.address)
        }
    }
}

private actor MongoIndexWatcher {
    private let thread = PinnedThread(name: "mongo-index-watch")
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    private let comment: String
    private lazy var connection = MongoConnection(pool)

    init(pool: MongoPool, comment: String) {
        self.pool = pool
        self.comment = comment
    }

    /// Of all that are finished; empty also where there is no collection.
    func names(of collection: String) throws -> Set<String> {
        do {
            let reply = try connection.command(
                pool.database,
                ["listIndexes": .string(collection), "cursor": ["batchSize": 1000], "includeBuildUUIDs": true])
            let indexes = reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []
            // One that is being made is a `spec` beside its `buildUUID` then.
            return Set(indexes.compactMap { $0.asDocument?["name"]?.asString })
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
            ["$match": ["command.createIndexes": .string(collection), "progress.total": ["$gt": 0]]],
        ]
        guard let progress = try? operations(stages).first?["progress"]?.asDocument,
            let done = progress["done"]?.asInt64, let total = progress["total"]?.asInt64, total > 0
        else { return nil }
        return min(1, Double(done) / Double(total))
    }

    /// One's own operations may always be seen and ended.
    func giveUp() {
        let stages: [BSONValue] = [["$currentOp": [:]], ["$match": ["command.comment": .string(comment)]]]
        for operation in (try? operations(stages)) ?? [] where operation["command"]?.asDocument?["createIndexes"] != nil
        {
            guard let id = operation["opid"] else { continue }
            _ = try? connection.command("admin", ["killOp": 1, "op": id])
        }
    }

    private func operations(_ stages: [BSONValue]) throws -> [BSONDocument] {
        let reply = try connection.command(
            "admin", ["aggregate": 1, "pipeline": .array(stages), "cursor": [:]])
        return (reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []).compactMap(\.asDocument)
    }
}
