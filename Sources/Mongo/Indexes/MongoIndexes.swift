import BSON
import Model
import PinnedThread
import Synchronization

/// The indexes of the target's collections.
package final class MongoIndexes: IndexTarget {
    private struct Order: Hashable {
        let index: CollectionIndex
        let collection: String
        let omitsNulls: Bool
    }

    private let builder: MongoIndexBuilder
    private let catalog: MongoIndexCatalog
    /// What the server makes for this program, and what it has failed to make since anybody waited for it.
    private let builds = Mutex<[Order: MongoIndexBuild]>([:])

    /// - Parameters:
    ///   - builderPool: a patient one: a build may take hours, and its outcome comes to the connection that asked for it.
    ///   - pipeline: by which its operations are told from those of others in `currentOp`.
    package init(pool: MongoPool, builderPool: MongoPool, pipeline: String) {
        builder = MongoIndexBuilder(pool: builderPool, comment: "wherry \(pipeline) indexes")
        catalog = MongoIndexCatalog(pool: pool)
    }

    package func missing(_ indexes: [CollectionIndex], of collection: String) async throws -> [CollectionIndex] {
        let names = Set(try await catalog.indexes(of: collection).compactMap { $0["name"]?.asString })
        return indexes.filter { !names.contains($0.name) }
    }

    package func build(_ index: CollectionIndex, of collection: String, omitsNulls: Bool) async throws {
        let order = Order(index: index, collection: collection, omitsNulls: omitsNulls)
        let (build, isOwn) = builds.withLock { builds in
            if let build = builds[order] { return (build, false) }
            let build = MongoIndexBuild()
            builds[order] = build
            // Nobody's child: a command can't be interrupted, and whoever waits for it has to be able to leave.
            Task {
                let outcome = await builder.build(index, of: collection, omitsNulls: omitsNulls)
                if case .success = outcome { forget(build, order) }
                build.end(outcome)
            }
            return (build, true)
        }
        let outcome = try await build.outcome()
        forget(build, order)
        try outcome.get()
        // What another call has asked for may have been made, and dropped, before this one.
        if !isOwn, try await !missing([index], of: collection).isEmpty {
            try await self.build(index, of: collection, omitsNulls: omitsNulls)
        }
    }

    private func forget(_ build: MongoIndexBuild, _ order: Order) {
        builds.withLock { if $0[order] === build { $0[order] = nil } }
    }

    package func share(of index: CollectionIndex, in collection: String) async -> Double? {
        await catalog.share(in: collection)
    }
}

/// One build, and those who wait for it.
private final class MongoIndexBuild: Sendable {
    private struct State {
        var outcome: Result<Void, Failure>?
        /// Streams that end with the build.
        var waiting: [AsyncStream<Never>.Continuation] = []
    }

    private let state = Mutex(State())

    func end(_ outcome: Result<Void, Failure>) {
        let waiting = state.withLock { state in
            state.outcome = outcome
            return state.waiting
        }
        for continuation in waiting { continuation.finish() }
    }

    /// - Throws: `CancellationError`, at once.
    func outcome() async throws -> Result<Void, Failure> {
        let (end, continuation) = AsyncStream.makeStream(of: Never.self)
        state.withLock { state in
            if state.outcome == nil { state.waiting.append(continuation) } else { continuation.finish() }
        }
        for await _ in end {}
        guard let outcome = state.withLock({ $0.outcome }) else { throw CancellationError() }
        return outcome
    }
}

/// Blocks a thread and a connection of its own for as long as the server takes.
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

    func build(_ index: CollectionIndex, of collection: String, omitsNulls: Bool) -> Result<Void, Failure> {
        do {
            try connection.command(
                pool.database,
                [
                    "createIndexes": .string(collection),
                    "indexes": [.document(index.specification(omitsNulls: omitsNulls))],
                    "comment": .string(comment), "writeConcern": majority,
                ])
            return .success(())
        } catch let error as MongoError {
            return .failure(failure(error, index, collection))
        } catch {
            return .failure((error as? Failure) ?? Failure(.unexpected, "making index \(index.name): \(error)"))
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
        // IndexBuildAborted, Interrupted: dropIndexes or killOp. (A change of primaries is 11602, a shutdown 11600.)
        case 276, 11601:
            return Failure(
                .configuration, "somebody has ended the making of index \(index.name) of \(collection)",
                hint: "The next start begins it anew. Take it out of the file if it is not to be made.")
        default: return error.failure("making index \(index.name) of \(collection)", at: pool.address)
        }
    }
}
