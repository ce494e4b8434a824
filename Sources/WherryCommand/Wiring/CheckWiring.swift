import Logging
import Mapping
import Model
import Mongo
import Postgres
import Replication

/// Runs the preflight: the source's half, the target's half, and what only shows with both in sight. Changes nothing.
struct CheckWiring: Sendable {
    let settings: Settings
    /// Collections that are not empty are accepted.
    let adopts: Bool
    /// Without one, nothing is asked that only slot and publication need.
    var usesSlot = true
    /// The initial copy is all that is asked for: it is never made beside the stream.
    var endsWithCopy = false
    let logger: Logger

    /// What the state database knows of the pipeline.
    private struct Known: Sendable {
        let state: PipelineState
        let tables: [TableState]
        let left: Set<TableName>

        var isStreaming: Bool { state.stage == .streaming }
        var names: Set<TableName> { Set(tables.map(\.table)) }
        var schemas: [String] { Set(tables.map(\.table.schema)).sorted() }
    }

    private var isLive: Bool { settings.backfill.mode == .live && !endsWithCopy }

    func findings() async -> [Finding] {
        async let target = targetFindings()
        // What the source is asked depends on whether the pipeline has begun.
        let known = await loadKnown()
        let source = await sourceFindings(known)
        let found = source + (await target)
        // Without both servers there is nothing to compare.
        guard
            !found.contains(where: {
                $0.severity == .error
                    && ["source_unreachable", "source_denied", "target_unreachable", "target_denied"].contains($0.code)
            })
        else { return found }
        return found + (await collect("pipeline") { try await pipelineFindings(try known.get()) })
    }

    private func loadKnown() async -> Result<Known?, any Error> {
        do {
            let store = try Endpoint.store(settings)
            guard let state = try await store.load(settings.pipeline) else { return .success(nil) }
            return .success(
                Known(
                    state: state, tables: try await store.tables(of: settings.pipeline),
                    left: Set(try await store.leftTables(of: settings.pipeline).map(\.table))))
        } catch {
            return .failure(error)
        }
    }

    private func sourceFindings(_ known: Result<Known?, any Error>) async -> [Finding] {
        await collect("source") {
            let scope = scope(of: known)
            return try await Endpoint.withSource(settings, usesReplication: usesSlot, logger: logger) {
                try await $0.preflight(scope)
            }
        }
    }

    private func scope(of known: Result<Known?, any Error>) -> PreflightScope {
        let pipeline: PreflightScope.Pipeline =
            switch known {
            case .failure: .unknown
            case .success(nil): .new
            case .success(let known?): .begun(tables: known.names, streaming: known.isStreaming)
            }
        var scope = PreflightScope(
            schemas: settings.source.schemas, excluded: settings.source.excluded,
            tables: settings.source.tables, needsStream: usesSlot, isLive: isLive,
            plugin: settings.source.plugin.rawValue, pipeline: pipeline)
        if case .success(let known?) = known {
            scope.left = known.left
            scope.oids = Dictionary(
                known.tables.compactMap { table in table.shape.map { (table.table, $0.oid) } },
                uniquingKeysWith: { first, _ in first })
            scope.letsTablesJoin =
                !known.state.picksTables
                && (settings.source.collections != nil || settings.schemaChanges == .follow)
        }
        return scope
    }

    private func targetFindings() async -> [Finding] {
        await collect("target") {
            await MongoPreflight(pool: try Endpoint.pool(settings), stateDatabase: settings.target.stateDatabase)
                .findings()
        }
    }

    private func pipelineFindings(_ known: Known?) async throws -> [Finding] {
        try await Endpoint.withSource(settings, usesReplication: usesSlot, logger: logger) { source in
            let worker = CheckFindings.activity(try await source.activeWorker(), pipeline: settings.pipeline)
            if let known { return worker + (try await continuation(of: known, source)) }
            let tables = try await tables(
                source, schemas: settings.source.schemas, where: settings.source.chooses)
            let slot = usesSlot ? try await source.slot() : nil
            return worker + mappingFindings(tables) + (try await indexFindings(tables, source))
                + (try await collectionFindings(tables.map(\.name)))
                + CheckFindings.slotWithoutState(slot, pipeline: settings.pipeline)
        }
    }

    /// What the mapping has to say of the tables, and of their guards.
    private func mappingFindings(_ tables: [CatalogTable]) -> [Finding] {
        tables.flatMap { table in
            configured(table).flatMap { own in
                CheckFindings.mapping(
                    of: DraftTable(table), into: own.collection, by: own.mapping, guardedBy: own.lastModified)
            }
        }
    }

    /// What the indexes say that the configuration asks for.
    private func indexFindings(_ tables: [CatalogTable], _ source: PostgresSource) async throws -> [Finding] {
        let asking = tables.flatMap { table in configured(table).map { (table, $0) } }.filter { !$0.1.indexes.isEmpty }
        guard !asking.isEmpty else { return [] }
        let sources = try await source.indexes()
        return asking.flatMap { table, own in
            indexFindings(of: table, own, sources[table.schema.oid] ?? [])?.findings(own.indexes) ?? []
        }
    }

    /// What the collections have of these indexes, and of others.
    private func storedIndexFindings(_ tables: [CatalogTable], _ known: Known) async throws -> [Finding] {
        let catalog = MongoIndexCatalog(pool: try Endpoint.pool(settings))
        let isWhole = known.isStreaming && known.tables.allSatisfy { $0.copyStage == .finished }
        var found: [Finding] = []
        for (table, own) in tables.flatMap({ table in configured(table).map { (table, $0) } }) {
            guard let findings = indexFindings(of: table, own, []) else { continue }
            let stored = try await catalog.comparison(
                of: own.indexes, with: findings.collection, omitsNulls: findings.mapping.nulls == .omit)
            found += findings.findings(stored, besides: own.indexes, isWhole: isWhole)
        }
        return found
    }

    /// What the configuration says of a table, for each of its collections.
    private func configured(_ table: CatalogTable) -> [CollectionSettings] {
        settings.source.collections?[table.name]
            ?? [CollectionSettings(collection: table.name.defaultCollection, mapping: settings.source.mapping)]
    }

    /// nil for a table whose rows make no documents.
    private func indexFindings(
        of table: CatalogTable, _ own: CollectionSettings, _ sources: [CatalogIndex]
    ) -> IndexFindings? {
        guard
            let plan = try? MappingPlan(
                schema: table.schema, collection: own.collection, keyColumns: table.primaryKey, mapping: own.mapping)
        else { return nil }
        return IndexFindings(
            collection: own.collection, table: DraftTable(table), sources: sources, plan: plan, mapping: own.mapping)
    }

    private func collectionFindings(_ tables: [TableName]) async throws -> [Finding] {
        let pool = try Endpoint.pool(settings)
        let target = MongoTarget(
            pool: pool, stateDatabase: settings.target.stateDatabase, pipeline: settings.pipeline)
        let store = try Endpoint.store(settings, pool)
        let destinations = settings.source.rules.destinations(of: tables)
        let fine = destinations.map(\.part).filter { NameRules.collectionProblem($0.collection) == nil }
        let taken = try await store.collectionsTaken(
            fine, in: settings.target.uri.database, by: settings.pipeline, usesSlot: usesSlot)
        // That they hold documents is no news then, and to adopt them no remedy.
        let theirs = Set(taken.map(\.collection))
        let occupied = try await target.nonEmpty(fine).filter { !theirs.contains($0.collection) }
        let collated = StartChecks.collated(try await target.collatedAmongShared(fine))
        return CheckFindings.taken(taken)
            + (collated.map { [CheckFindings.finding($0, "collection_collated", subject: "target")] } ?? [])
            + CheckFindings.collections(destinations, occupied: occupied, adopts: adopts)
    }

    private func continuation(of known: Known, _ source: PostgresSource) async throws -> [Finding] {
        let tables = try await tables(source, schemas: known.schemas, where: { known.names.contains($0.name) })
        let types =
            mappingFindings(tables) + (try await indexFindings(tables, source))
            + (try await storedIndexFindings(tables, known))
        let changed =
            CheckFindings.continuation(
                of: known.state, from: try await source.identify(), with: settings, usesSlot: usesSlot)
            + CheckFindings.choice(of: known.tables, in: known.state, with: settings)
        // Another source's or another name's slot says nothing about this pipeline.
        guard known.isStreaming, changed.isEmpty else { return types + changed }
        let store = try Endpoint.store(settings)
        // The stream needs nothing of a table but its changes, and the column of its guard.
        let changes = CheckFindings.schemaChanges(
            known.tables, in: try await source.catalogue { settings.source.chooses($0) }, by: settings.schemaChanges)
        await source.accept(rowFilters: known.tables.rowFilters)
        return types.map { $0.code == "last_modified" ? $0 : $0.withoutRefusal } + changes
            + (try await source.streamFindings(scope(of: .success(known))) {
                try await store.load(settings.pipeline)?.checkpoint?.lsn
            })
    }

    /// Those that can be carried; why others can't, the source's half says.
    private func tables(
        _ source: PostgresSource, schemas: [String], where isChosen: (CatalogTable) -> Bool
    ) async throws -> [CatalogTable] {
        try await source.tables(schemas: schemas)
            .filter { isChosen($0) && $0.refusal == nil && !$0.primaryKey.isEmpty }
    }

    /// What `body` finds; an error of it becomes a finding too.
    private func collect(_ subject: String, _ body: () async throws -> [Finding]) async -> [Finding] {
        do {
            return try await body()
        } catch {
            let failure = ErrorReport.failure(from: error)
            return [
                Finding(
                    .error, "\(subject)_\(failure.kind.rawValue)", subject: subject, failure.message,
                    remedy: failure.hint, kind: failure.kind)
            ]
        }
    }
}
