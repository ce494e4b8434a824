import Model

/// The pipeline's tables as the catalogue shows them now.
struct CurrentTables {
    let ports: PipelinePorts
    let pipeline: String

    /// One version for each, in their order.
    ///
    /// - Throws: `Failure(.configuration)` for a table that is gone or can't be replicated any more.
    func versions(of states: [TableState]) async throws -> [TableVersion] {
        let byName = Dictionary(
            try await ports.catalogTables(states.names).map { ($0.schema.name, $0) },
            uniquingKeysWith: { first, _ in first })
        return try states.map { state in
            guard let table = byName[state.table] else {
                throw Failure(
                    .configuration, "table \(state.table) belongs to the pipeline and can't be replicated any more",
                    hint: "Run `wherry check` to see why. `wherry tables remove \(state.table)` takes it out of a "
                        + "pipeline that streams; `wherry drop \(pipeline)` starts anew without it.")
            }
            return TableVersion(schema: table.schema)
        }
    }
}
