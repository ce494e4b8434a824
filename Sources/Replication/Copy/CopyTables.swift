import Mapping
import Model

/// The tables of a copy from an exported snapshot, as the catalogue shows them now.
struct CopyTables {
    let ports: PipelinePorts
    let settings: PipelineSettings

    struct Made: Sendable {
        /// One for each state, in their order.
        let versions: [TableVersion]
        let tables: [Route: CopyWorkers.Table]
        let digests: [Route: String]
    }

    /// - Throws: `Failure(.configuration)` for a table that is gone or whose key no longer fits.
    func make(_ states: [TableState]) async throws -> Made {
        let versions = try await CurrentTables(ports: ports, pipeline: settings.pipeline).versions(of: states)
        var tables: [Route: CopyWorkers.Table] = [:]
        var digests: [Route: String] = [:]
        for (state, version) in zip(states, versions) {
            let plan = try PlanTable.plan(of: state, for: version, by: settings.rules)
            tables[state.route] = CopyWorkers.Table(version: version, plan: plan, wasEmpty: state.wasEmpty)
            digests[state.route] = CopyDigest.make(
                of: version, state, guardField: plan.backfillGuard, mapping: settings.rules.mapping(of: state),
                version: settings.version)
        }
        return Made(versions: versions, tables: tables, digests: digests)
    }
}
