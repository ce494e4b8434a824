import Model

/// What keeps a pipeline from starting, as far as its stored state, its settings and the catalogue tell. Pure; a start
/// throws these, `wherry check` lists them.
package enum StartChecks {
    /// Before the first start: tables that would share a collection.
    package static func collections(of tables: [SourceTable]) -> [Failure] {
        let groups = Dictionary(grouping: tables.map(\.schema.name), by: \.defaultCollection)
        return groups.filter { $1.count > 1 }.sorted { $0.key < $1.key }.map { collection, names in
            Failure(
                .configuration,
                "tables \(names.sorted().map(\.description).joined(separator: " and ")) would share collection \(collection)",
                hint: "Leave one of them out with source.exclude or --exclude.")
        }
    }

    /// Before the first start: collections that hold documents already.
    package static func occupied(_ collections: Set<String>) -> Failure? {
        guard !collections.isEmpty else { return nil }
        return Failure(
            .configuration, "the target already holds documents in: \(collections.sorted().joined(separator: ", "))",
            hint: "Empty these collections, choose another database, or run with --adopt: then rows overwrite "
                + "documents of the same key, and all others stay.")
    }

    /// Later: whether the source is the one the pipeline was started with.
    package static func source(of state: PipelineState, is now: SourceIdentity) -> Failure? {
        guard !state.source.isSameDatabase(as: now) else { return nil }
        return Failure(
            .dataGap,
            "the source is not the one pipeline \(state.pipeline) was started with: cluster "
                + "\(now.systemIdentifier), database \(now.database) instead of cluster "
                + "\(state.source.systemIdentifier), database \(state.source.database)",
            hint: "Point the source URI at the old server, or remove the pipeline with `wherry drop "
                + "\(state.pipeline)` and copy from the new one.")
    }

    /// Later: whether the names decided at the first start are still the configured ones.
    package static func names(
        in state: PipelineState, slot: String, publication: String, targetDatabase: String
    ) -> Failure? {
        let expected = [
            ("slot", state.slot, slot), ("publication", state.publication, publication),
            ("target database", state.targetDatabase, targetDatabase),
        ]
        guard let (what, stored, configured) = expected.first(where: { $0.1 != $0.2 }) else { return nil }
        return Failure(
            .configuration, "pipeline \(state.pipeline) was started with \(what) \(stored), not \(configured)",
            hint: "Put \(stored) back into the configuration, or give the pipeline another name.")
    }
}
