import Model
import Mongo

/// Writes what a pipeline's operator sets, and reads what is set. Asks only the target.
struct SetWiring: Sendable {
    let settings: Settings

    /// - Returns: everything that is set after the changes.
    /// - Throws: `Failure(.configuration)` when there is no such pipeline.
    func set(_ changes: [BackfillLimits.Key: BackfillLimits.Bound?]) async throws -> BackfillLimits {
        let store = try await store()
        try await store.setLimits(changes, of: settings.pipeline)
        return try await store.limits(of: settings.pipeline)
    }

    /// - Throws: `Failure(.usage)` when the pipeline has no such table.
    func acceptChange(of table: TableName) async throws {
        let store = try await store()
        guard try await store.order(.acceptChange, of: table, in: settings.pipeline) else {
            throw Failure(
                .usage, "pipeline \(settings.pipeline) has no table \(table)", hint: "`wherry status` lists its tables."
            )
        }
    }

    private func store() async throws -> MongoStateStore {
        let store = try Endpoint.store(settings)
        guard try await store.load(settings.pipeline) != nil else {
            throw Failure(
                .configuration,
                "the state database \(settings.target.stateDatabase) knows no pipeline \(settings.pipeline)",
                hint: "`wherry pipelines` lists those there are. Before its first start a pipeline goes by its "
                    + "configuration.")
        }
        return store
    }
}
