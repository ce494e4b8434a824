import Mapping
import Model

/// The tables of a copy from an exported snapshot, as the catalogue shows them now.
struct CopyTables {
    let ports: PipelinePorts
    let settings: PipelineSettings

    struct Made: Sendable {
        /// One for each state, in their order.
        let versions: [TableVersion]
        let tables: [TableName: CopyWorkers.Table]
        let digests: [TableName: String]
    }

    /// - Throws: `Failure(.configuration)` for a table that is gone or whose key no longer fits.
    func make(_ states: [TableState]) async throws -> Made {
        let versions = try await CurrentTables(ports: ports, pipeline: settings.pipeline).versions(of: states)
        var plans = PlanTable(tables: states, rules: settings.rules)
        var tables: [TableName: CopyWorkers.Table] = [:]
        var digests: [TableName: String] = [:]
        for (state, version) in zip(states, versions) {
            try plans.register(version)
            let plan = try plans.plan(for: version)
            tables[state.table] = CopyWorkers.Table(version: version, plan: plan, wasEmpty: state.wasEmpty)
            digests[state.table] = CopyDigest.make(
                of: version, state, guardField: plan.backfillGuard, mapping: settings.rules.mapping(of: state.table),
                version: settings.version)
        }
        return Made(versions: versions, tables: tables, digests: digests)
    }
}
