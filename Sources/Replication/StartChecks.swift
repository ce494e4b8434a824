import Mapping
import Model

/// What keeps a pipeline from starting, as far as its stored state, its settings and the catalogue tell. Pure; a start
/// throws these, `wherry check` lists them.
package enum StartChecks {
    /// Before the first start: tables that would share a collection, where not every one has a discriminator of its own.
    ///
    package static func sharing(_ destinations: [Destination]) -> [Failure] {
        let groups = Dictionary(grouping: Set(destinations), by: \.part.collection).filter { _, sharing in
            let constants = sharing.compactMap(\.part.discriminator)
            return sharing.count > 1 && (Set(constants).count < sharing.count || Set(constants.map(\.field)).count > 1)
        }
        return groups.sorted { $0.key < $1.key }.map { collection, sharing in
            let names = Set(sharing.map(\.table))
            return Failure(
                .configuration,
                "tables \(names.sorted().map(\.description).joined(separator: " and ")) would share collection \(collection)",
                hint:
                    "Leave one of them out with source.exclude or --exclude, name other collections in 'collections', or "
                    + "give each a 'discriminator' there: one field, with another value for each.")
        }
    }

    /// Before the first start: what holds documents already.
    package static func occupied(_ parts: Set<CollectionPart>) -> Failure? {
        guard !parts.isEmpty else { return nil }
        return Failure(
            .configuration,
            "the target already holds documents in: \(parts.map(\.description).sorted().joined(separator: ", "))",
            hint: "Empty these collections, choose another database, or run with --adopt: then rows overwrite "
                + "documents of the same key, and all others stay.")
    }

    /// Before a table joins: shared collections whose collation may take two discriminators for one.
    package static func collated(_ collections: Set<String>) -> Failure? {
        guard !collections.isEmpty else { return nil }
        return Failure(
            .configuration,
            "a collection with a collation can't be shared by discriminators: "
                + collections.sorted().joined(separator: ", "),
            hint:
                "MongoDB compares _id by it, so that documents of two tables could be one. Use a collection without a "
                + "collation; indexes may have one.")
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
                + Set(tables).sorted().map(\.description).joined(separator: ", "),
            hint: "--tables chooses for the first start: leave it out. `wherry tables add` and `remove` change a "
                + "pipeline that streams.")
    }

    /// Later: whether the configuration still says of the pipeline's tables what was decided when they joined.
    ///
    /// - Parameter configured: what it says; nil when it names no tables.
    package static func collections(
        _ tables: [TableState], of state: PipelineState, configured: [TableName: [CollectionSettings]]?
    ) -> Failure? {
        guard let configured else {
            guard state.hasCollections else { return nil }
            return Failure(
                .configuration,
                "pipeline \(state.pipeline) was started with a section 'collections', and now there is none",
                hint:
                    "Name the file that has it, with --config or WHERRY_CONFIG: it also says what guards documents of an "
                    + "application.")
        }
        for table in tables where table.membership == .member {
            // Where one of them stays, others may come and go.
            let stored = tables.filter { $0.table == table.table }.map(\.collection)
            guard let collections = configured[table.table]?.map(\.collection), let collection = collections.first,
                Set(collections).isDisjoint(with: stored)
            else { continue }
            return Failure(
                .configuration,
                "table \(table.table) goes into collection \(table.collection) since the first start of pipeline "
                    + "\(state.pipeline), and the configuration says \(collection) now",
                hint: "Call the collection \(table.collection) again. To move the table, take it out with `wherry "
                    + "tables remove \(table.table)`, then add it again: it is read anew.")
        }
        return nil
    }

    /// While the initial copy is not whole: whether the configuration names the tables of the first start. From then on
    /// they come and go with it.
    package static func choice(
        of tables: [TableState], in state: PipelineState, configured: [TableName: [CollectionSettings]]?
    ) -> Failure? {
        guard state.stage != .streaming, let configured else { return nil }
        let stored = Set(tables.map { Route($0.table, into: $0.collection) })
        let named = configured.flatMap { table, collections in collections.map { Route(table, into: $0.collection) } }
        let added = state.picksTables ? named.filter { tables.names.contains($0.table) } : named
        let changed = Set(added).symmetricDifference(stored)
        guard let route = changed.min() else { return nil }
        let isRemoved = stored.contains(route)
        let isOneOfSeveral = configured[route.table] != nil && tables.contains { $0.table == route.table }
        let what = isOneOfSeveral ? route.description : route.table.description
        return Failure(
            .configuration,
            "pipeline \(state.pipeline) was started \(isRemoved ? "with" : "without") table \(what), which the "
                + "configuration \(isRemoved ? "doesn't name any more" : "names now")",
            hint: "Tables come and go once the initial copy is whole: mend 'collections' until then, or remove the "
                + "pipeline with `wherry drop \(state.pipeline)` and start anew.")
    }

    /// Later: whether every table is still mapped as its documents were.
    package static func mapping(_ tables: [TableState], of state: PipelineState, rules: MappingRules) -> Failure? {
        guard let table = tables.first(where: { $0.isMappedOtherwise(by: rules) }) else { return nil }
        return Failure(
            .configuration,
            "the mapping of table \(table.table) is not the one that collection \(table.collection) was made with",
            hint:
                "`wherry run --accept-mapping-change` takes the new one and reads the table again beside the stream; or "
                + "put the old one back.")
    }

    /// The same while a copy is not whole: what is there is not looked at.
    package static func copyMapping(_ tables: [TableState], of state: PipelineState, rules: MappingRules) -> Failure? {
        guard let refusal = mapping(tables, of: state, rules: rules) else { return nil }
        return Failure(
            .configuration, "\(refusal.message), and its copy is not whole",
            hint:
                "Put the mapping back, or remove the pipeline with `wherry drop \(state.pipeline) --documents` and start "
                + "anew.")
    }

    /// Later, while an exported copy is not whole: a guard that is new. What an earlier attempt has written is told
    /// from an application's documents only where it was noted, and that it was for tables that had their guard then.
    package static func guards(
        _ tables: [TableState], of state: PipelineState, rules: MappingRules
    ) -> Failure? {
        guard state.stage == .backfilling || state.stage == .copyingOnce,
            let table = tables.first(where: { $0.wasEmpty && rules.lastModified(of: $0) != nil })
        else { return nil }
        return Failure(
            .configuration,
            "table \(table.table) has got last_modified since the copy of pipeline \(state.pipeline) was begun, and that "
                + "is not whole",
            hint: "Leave last_modified out until the copy is whole, or remove the pipeline with `wherry drop "
                + "\(state.pipeline) --documents` and start anew.")
    }

    /// Later: whether the names decided at the first start are still the configured ones.
    package static func names(
        in state: PipelineState, slot: String, publication: String, plugin: OutputPlugin, targetDatabase: String
    ) -> Failure? {
        let expected = [
            ("slot", state.slot, slot), ("publication", state.publication, publication),
            ("plugin", state.plugin.rawValue, plugin.rawValue),
            ("target database", state.targetDatabase, targetDatabase),
        ].filter { !state.stage.isOneOff || $0.0 == "target database" }
        guard let (what, stored, configured) = expected.first(where: { $0.1 != $0.2 }) else { return nil }
        return Failure(
            .configuration, "pipeline \(state.pipeline) was started with \(what) \(stored), not \(configured)",
            hint: "Put \(stored) back into the configuration, or give the pipeline another name.")
    }
}

extension TableState {
    /// Whether the configuration says something else of the table's rows than what its documents were made by.
    package func isMappedOtherwise(by rules: MappingRules) -> Bool {
        let before = mapping.isEmpty ? CollectionMapping().fingerprint : mapping
        return rules.mapping(of: self).fingerprint != before
    }
}

extension TargetDatabase {
    /// Makes sure that tables can join with these parts.
    ///
    /// - Returns: those that hold documents already.
    /// - Throws: `Failure(.configuration)` when some do, and `adopts` is false, or when a collation is in the way.
    package func requireFree(_ parts: [CollectionPart], adopts: Bool) async throws -> Set<CollectionPart> {
        if let refusal = StartChecks.collated(try await collatedAmongShared(parts)) { throw refusal }
        let occupied = try await nonEmpty(parts)
        if !adopts, let refusal = StartChecks.occupied(occupied) { throw refusal }
        return occupied
    }

    /// Those with a collation that are to be shared.
    package func collatedAmongShared(_ parts: [CollectionPart]) async throws -> Set<String> {
        try await collated(Set(parts.filter { $0.discriminator != nil }.map(\.collection)))
    }
}
