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

    /// Later: whether the pipeline is one with a slot, as this start wants it, or a copy without one.
    package static func kind(of state: PipelineState, usesSlot: Bool) -> Failure? {
        guard state.stage.isOneOff == usesSlot else { return nil }
        guard state.stage.isOneOff else {
            return Failure(
                .configuration, "pipeline \(state.pipeline) exists, and has a slot",
                hint:
                    "`wherry run` goes on with it. For a copy beside it, name that with --pipeline, and give it tables "
                    + "or a target database that the pipeline doesn't have.")
        }
        let stands = state.stage == .copyingOnce ? "is not whole" : "is whole and was not tidied up"
        return Failure(
            .configuration, "\(state.pipeline) is a copy without a slot, which \(stands)",
            hint: "`wherry snapshot --no-slot` finishes it, `wherry drop \(state.pipeline) --documents` removes it; or "
                + "name the new pipeline with --pipeline.")
    }

    /// Later: whether there are tables, and whether they are those asked for.
    package static func tables(
        _ tables: [TableName], of state: PipelineState, asked: Set<TableName>?
    ) -> Failure? {
        guard !tables.isEmpty else {
            return Failure(
                .configuration, "the state of pipeline \(state.pipeline) has no tables: its removal was interrupted",
                hint: "Finish it with `wherry drop \(state.pipeline)`.")
        }
        guard let asked, asked != Set(tables) else { return nil }
        return Failure(
            .configuration,
            "pipeline \(state.pipeline) was started with other tables: "
                + tables.sorted().map(\.description).joined(separator: ", "),
            hint:
                "A pipeline carries the tables of its first start: leave --tables out, or remove it with `wherry drop "
                + "\(state.pipeline)` and start anew.")
    }

    /// Later: whether the names decided at the first start are still the configured ones.
    package static func names(
        in state: PipelineState, slot: String, publication: String, targetDatabase: String
    ) -> Failure? {
        let expected = [
            ("slot", state.slot, slot), ("publication", state.publication, publication),
            ("target database", state.targetDatabase, targetDatabase),
        ].filter { !state.stage.isOneOff || $0.0 == "target database" }
        guard let (what, stored, configured) = expected.first(where: { $0.1 != $0.2 }) else { return nil }
        return Failure(
            .configuration, "pipeline \(state.pipeline) was started with \(what) \(stored), not \(configured)",
            hint: "Put \(stored) back into the configuration, or give the pipeline another name.")
    }
}
