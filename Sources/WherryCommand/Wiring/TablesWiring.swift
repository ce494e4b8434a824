import Logging
import Model
import Mongo
import Postgres
import Replication

/// Writes into the state database which tables are to join a pipeline that streams, or to leave it; its worker, or the
/// next start, does it. Looks at everything first, and changes nothing when something is wrong.
struct TablesWiring: Sendable {
    let call: TablesCall
    let logger: Logger

    private var settings: Settings { call.settings }

    func run() async throws -> TablesReport {
        let pool = try Endpoint.pool(settings)
        let store = try Endpoint.store(settings, pool)
        guard let state = try await store.load(settings.pipeline) else {
            throw Failure(
                .configuration, "there is no pipeline \(settings.pipeline)",
                hint: "`wherry pipelines` shows those there are; name one with --pipeline.")
        }
        if let refusal = StartChecks.kind(of: state, usesSlot: true) { throw refusal }
        var known = settings
        (known.source.slot, known.source.publication) = (state.slot, state.publication)
        return try await Endpoint.withSource(known, logger: logger) { source in
            let work = Work(
                settings: settings, state: state, tables: try await store.tables(of: settings.pipeline),
                catalogue: try await source.catalogue { settings.source.chooses($0) }, source: source, store: store,
                target: MongoTarget(
                    pool: pool, stateDatabase: settings.target.stateDatabase, pipeline: settings.pipeline))
            if let refusal = StartChecks.source(of: state, is: try await source.identify()) { throw refusal }
            switch call.action {
            case .list: return try await work.list()
            case .add(let names, let adopts): return try await work.add(names, adopts: adopts)
            case .remove(let names, let documents): return try await work.remove(names, documents: documents)
            }
        }
    }

    /// One call, with what both ends say.
    struct Work {
        let settings: Settings
        let state: PipelineState
        let tables: [TableState]
        let catalogue: [CatalogueTable]
        let source: PostgresSource
        let store: MongoStateStore
        let target: MongoTarget

        private func report(_ entries: [TablesReport.Table], _ failure: Failure? = nil) async throws -> TablesReport {
            TablesReport(
                pipeline: settings.pipeline, tables: entries, workerActive: try await source.activeWorker() != nil,
                failure: failure)
        }

        func list() async throws -> TablesReport {
            let left = Set(try await store.leftTables(of: settings.pipeline).map(\.table))
            let own = tables.map { table in
                TablesReport.Table(table: table.table, collection: table.collection, state: table.membership.word)
            }
            let others = catalogue.filter { $0.isChosen || left.contains($0.name) }
            return try await report(
                own
                    + others.flatMap { table in
                        missing(of: table.name).map { part in
                            TablesReport.Table(
                                table: table.name, collection: part.collection,
                                state: left.contains(table.name) ? "left" : "outside", reason: table.refusal?.message)
                        }
                    })
        }

        /// Collections that the configuration has for a table, and the pipeline hasn't.
        private func missing(of name: TableName) -> [CollectionPart] {
            let stored = tables.filter { $0.table == name }
            // A table that isn't named keeps the collection it has got.
            guard stored.isEmpty || settings.source.rules.named[name] != nil else { return [] }
            let collections = Set(stored.map(\.collection))
            return settings.source.rules.parts(of: name).filter { !collections.contains($0.collection) }
        }

        // MARK: - Joining

        func add(_ names: [TableName], adopts: Bool) async throws -> TablesReport {
            guard state.stage == .streaming else {
                throw Failure(
                    .configuration, "the initial copy of pipeline \(settings.pipeline) is not whole yet",
                    hint: "`wherry run` makes it; tables come and go from then on.")
            }
            try BackfillPlanner.requireMessages(of: state.source, begun: state.pipeline)
            var joining: [TableState] = []
            for name in names { joining += try await joiners(name, adopts: adopts) }
            if let leaving = tables.first(where: {
                if case .leaving = $0.membership { names.contains($0.table) } else { false }
            }) {
                throw Failure(
                    .inUse, "table \(leaving.table) is leaving the pipeline",
                    hint: "The worker, or the next `wherry run`, ends that; add it again then.")
            }
            for table in joining where try await !store.join(table, in: settings.pipeline) {
                guard !tables.contains(where: { $0.route == table.route }) else { continue }
                throw Failure(
                    .inUse, "table \(table.table) has joined the pipeline at this very moment",
                    hint: "`wherry tables list` shows what it has now; add it again if a collection is missing.")
            }
            var refusal: Failure?
            // The worker does it too; but this role may be one that may.
            do { try await source.publish(joining.names) } catch let failure as Failure
                where failure.kind == .denied
            {
                refusal = Failure(
                    .denied, "the tables join once they are published, which this role may not do",
                    hint: failure.hint)
            }
            let members = tables.filter { table in !joining.contains { $0.route == table.route } }
            return try await report(
                names.flatMap { name in
                    (joining + members).filter { $0.table == name }.map {
                        TablesReport.Table(table: name, collection: $0.collection, state: $0.membership.word)
                    }
                }, refusal)
        }

        /// One for each of its collections.
        private func joiners(_ name: TableName, adopts: Bool) async throws -> [TableState] {
            guard let table = catalogue.first(where: { $0.name == name }) else {
                let near = Suggestion.nearest(to: name.description, among: catalogue.map(\.name.description))
                throw Failure(
                    .usage, "there is no table \(name)",
                    hint: near.map { "Did you mean \($0)?" } ?? "Write it as the catalogue does.")
            }
            let stored = tables.filter { $0.table == name }
            let parts = missing(of: name)
            if parts.isEmpty, stored.allSatisfy({ $0.membership != .joining }) { return [] }
            if let refusal = table.refusal {
                throw Failure(.configuration, refusal.message, hint: refusal.remedy)
            }
            if stored.isEmpty { try requireChosen(table) }
            let own = parts.map { Destination(name, $0) }
            if let clash = StartChecks.sharing(tables.map(\.destination) + own).first { throw clash }
            if let problem = parts.compactMap({ NameRules.collectionProblem($0.collection) }).first {
                throw Failure(
                    .configuration, "\(name) can't become a collection: its name \(problem)",
                    hint: "Give it another collection in 'collections'.")
            }
            if let taken = try await store.collectionsTaken(
                parts, in: state.targetDatabase, by: state.pipeline, usesSlot: true
            ).first {
                throw taken.refusal
            }
            let occupied = try await target.requireFree(parts, adopts: adopts)
            let hasFirst = tables.hasFirst(of: name)
            let new = try parts.enumerated().map { place, part in
                var state = try TableState(
                    new: table.table, shape: nil, part: part, isFurther: place > 0 || hasFirst,
                    rules: settings.source.rules, occupied: occupied)
                state.membership = .joining
                return state
            }
            return stored.filter { $0.membership == .joining } + new
        }

        /// What a configuration doesn't choose would be taken out by the next start that goes by it.
        private func requireChosen(_ table: CatalogueTable) throws {
            guard !table.isChosen, !state.picksTables || settings.source.collections != nil else { return }
            throw Failure(
                .configuration, "the configuration doesn't choose table \(table.name)",
                hint: settings.source.collections == nil
                    ? "Add its schema to source.schemas, or take it out of source.exclude, and start the worker with that "
                        + "configuration too."
                    : "Add it to 'collections', as 'from' of its collection: the next start lets it join.")
        }

        // MARK: - Leaving

        func remove(_ names: [TableName], documents: Bool) async throws -> TablesReport {
            let left = Set(try await store.leftTables(of: settings.pipeline).map(\.table))
            for name in names where !left.contains(name) && !tables.contains(where: { $0.table == name }) {
                let near = Suggestion.nearest(to: name.description, among: tables.map(\.table.description))
                throw Failure(
                    .usage, "pipeline \(settings.pipeline) has no table \(name)",
                    hint: near.map { "Did you mean \($0)?" } ?? "`wherry tables list` lists them.")
            }
            guard tables.contains(where: { $0.membership == .member && !names.contains($0.table) }) else {
                throw Failure(
                    .configuration, "no table would be left of pipeline \(settings.pipeline)",
                    hint: "`wherry drop \(settings.pipeline)` removes the pipeline.")
            }
            var entries: [TablesReport.Table] = []
            for name in names {
                let isThere = try await store.order(
                    .leave(deletesDocuments: documents), of: name, in: settings.pipeline)
                let collections = tables.filter { $0.table == name }.map(\.collection)
                entries += (collections.isEmpty ? [""] : collections).map {
                    TablesReport.Table(table: name, collection: $0, state: isThere ? "leaving" : "left")
                }
            }
            return try await report(entries)
        }
    }
}

extension TableMembership {
    fileprivate var word: String {
        switch self {
        case .member: "member"
        case .joining: "joining"
        case .leaving: "leaving"
        }
    }
}
