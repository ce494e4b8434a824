import Logging
import Model
import Mongo
import Postgres
import Replication

/// Asks the pipeline's worker for the backfill of a table, by what it finds in the state database. Looks at everything
/// first, and changes nothing when something is wrong.
struct BackfillWiring {
    let call: BackfillCall
    let progress: Model.Progress
    let logger: Logger

    private var settings: Settings { call.settings }

    func run(stop: StopSignal) async throws -> BackfillReport {
        let store = try Endpoint.store(settings)
        let state = try await state(in: store)
        let tables = try await store.tables(of: settings.pipeline)
        let table = try await table(among: tables)
        var known = settings
        (known.source.slot, known.source.publication) = (state.slot, state.publication)
        let report: BackfillReport
        switch call.action {
        case .order(let order):
            let active = try await Endpoint.withSource(known, logger: logger) { try await $0.activeWorker() != nil }
            report = try await self.order(order, of: table, store, workerActive: active)
        case .ask(let condition, let gone):
            try requireFree(table, rereads: try await store.rereads(of: settings.pipeline, .backfill, limit: 0))
            // They say what an application writes too.
            let configured = settings.source.collections
            if let refusal = StartChecks.collections(tables, of: state, configured: configured)
                ?? StartChecks.mapping([table], of: state, rules: settings.source.rules)
            {
                throw refusal
            }
            report = try await Endpoint.withSource(known, logger: logger) { source in
                try await ask(condition, gone, table, of: state, source, store)
            }
        }
        guard call.waits else { return report }
        return try await Endpoint.withSource(known, logger: logger) { source in
            try await BackfillFollower(
                source: source, store: store, pipeline: settings.pipeline, route: table.route, progress: progress,
                logger: logger
            ).follow(report, stop: stop)
        }
    }

    private func state(in store: MongoStateStore) async throws -> PipelineState {
        guard let state = try await store.load(settings.pipeline) else {
            throw Failure(
                .configuration, "there is no pipeline \(settings.pipeline)",
                hint: "`wherry pipelines` shows those there are; name one with --pipeline.")
        }
        if let refusal = StartChecks.kind(of: state, usesSlot: true) { throw refusal }
        guard state.stage == .streaming else {
            throw Failure(
                .configuration, "the initial copy of pipeline \(settings.pipeline) is not whole yet",
                hint: "`wherry run` makes it, and begins it again when it was interrupted.")
        }
        return state
    }

    private func table(among tables: [TableState]) async throws -> TableState {
        let own = tables.filter { $0.table == call.table }
        if own.isEmpty { throw try await unknownTable(among: tables.names) }
        let collection = try CollectionChoice(table: call.table, collections: own.map(\.collection)).one(
            call.collection)
        return own.first { $0.collection == collection } ?? own[0]
    }

    /// Why the pipeline has no such table, as far as the source knows one.
    private func unknownTable(among tables: [TableName]) async throws -> Failure {
        let found = try await Endpoint.withSource(settings, logger: logger) { source in
            try await source.tables(schemas: [call.table.schema]).first { $0.name == call.table }
        }
        if let root = found?.root {
            return Failure(
                .usage, "\(call.table) is a partition of \(root), which is read as a whole",
                hint: "Name \(root); --where says which of its rows.")
        }
        if found != nil {
            return Failure(
                .usage, "table \(call.table) is not replicated by pipeline \(settings.pipeline)",
                hint: "It was left out (excluded, not named in 'collections', in another schema) or made after the "
                    + "first start. `wherry tables add \(call.table)` lets it join; `wherry status` lists the pipeline's tables."
            )
        }
        let near = Suggestion.nearest(to: call.table.description, among: tables.map(\.description))
        return Failure(
            .usage, "pipeline \(settings.pipeline) has no table \(call.table)",
            hint: near.map { "Did you mean \($0)?" } ?? "`wherry status` lists its tables.")
    }

    // MARK: - Asking

    /// Rows that are to be read again may be of the first backfill, and would end with this one.
    private func requireFree(_ table: TableState, rereads: [Reread]) throws {
        let what: String
        if let wanted = table.wanted {
            what = "asked for already, since \(Timestamp.text(wanted.requestedAt)) from \(wanted.host)"
        } else if let backfill = table.backfill, backfill.isCancelled {
            what = "cancelled, and ended by the next start of the stream"
        } else if let backfill = table.backfill, !backfill.isFinished {
            let rows = "\(HumanText.count(backfill.rows)) of about \(HumanText.count(table.estimatedRows)) rows"
            what = (backfill.isPaused ? "paused" : "under way") + ": \(rows) are read"
        } else if case let count = rereads.count(where: table.part.contains), count > 0 {
            what = "under way: \(HumanText.count(count)) rows have to be read again"
        } else {
            return
        }
        throw Failure(
            .inUse, "a backfill of table \(table.table) is \(what)",
            hint: "`wherry status` shows how far it is; --cancel ends it, where the table was whole before.")
    }

    private func ask(
        _ condition: String?, _ gone: GoneRows?, _ table: TableState, of state: PipelineState,
        _ source: PostgresSource, _ store: MongoStateStore
    ) async throws -> BackfillReport {
        let identity = try await source.identify()
        if let refusal = StartChecks.source(of: state, is: identity) { throw refusal }
        try BackfillPlanner.requireMessages(of: identity, begun: state.pipeline)
        try await source.requirePrimary()
        guard let current = try await Endpoint.tables(source, settings, named: [table.table]).first else {
            throw Failure(
                .configuration, "table \(table.table) doesn't exist at the source any more",
                hint: "Its documents stay as they are.")
        }
        let version = TableVersion(schema: current.schema)
        _ = try await source.planSegments(version, key: table.keyColumns, where: condition)
        var report = BackfillReport(
            pipeline: settings.pipeline, table: table.table, collection: call.collection, outcome: .asked,
            workerActive: try await source.activeWorker() != nil)
        report.notice = try await whyGoneRowsAreKept(condition, gone, table) {
            try await source.isDecidedByKey($0, of: version, key: table.keyColumns)
        }
        let removesGone = gone != .keep && report.notice == nil
        let request = BackfillRequest(
            cause: .asked, condition: condition, removesGone: removesGone, requestedAt: Timestamp.now(),
            host: Endpoint.thisWorker.host)
        guard try await store.ask(request, of: table, in: settings.pipeline) else { throw changedMeanwhile }
        report.condition = condition
        report.removesGone = removesGone
        return report
    }

    /// What the operator is told when documents of rows that are gone are kept unasked; nil when they are not.
    ///
    /// - Throws: `Failure(.usage)` when they can't be removed as asked.
    private func whyGoneRowsAreKept(
        _ condition: String?, _ gone: GoneRows?, _ table: TableState, isDecidedByKey: (String) async throws -> Bool
    ) async throws -> String? {
        if gone == .keep { return nil }
        if gone == nil, !table.wasEmpty || settings.source.rules.lastModified(of: table) != nil {
            return "documents of rows that are gone are kept: the collection was not empty when the pipeline began, or "
                + "an application writes it too (--gone remove removes them)"
        }
        guard let condition, try await !isDecidedByKey(condition) else { return nil }
        let beyond = "--where uses columns beyond the key (\(table.keyColumns.joined(separator: ", ")))"
        guard gone == .remove else { return "documents of rows that are gone are kept: \(beyond)" }
        throw Failure(
            .usage, "documents of rows that are gone can't be removed: \(beyond), and nobody knows what they were",
            hint: "Give a condition on the key alone, or --gone keep.")
    }

    // MARK: - Orders

    private func order(
        _ order: BackfillOrder, of table: TableState, _ store: MongoStateStore, workerActive: Bool
    ) async throws -> BackfillReport {
        let isUnderWay = try await isUnderWay(table, for: order, store)
        guard isUnderWay || order == .cancel && table.wanted != nil else {
            throw Failure(
                .usage,
                table.wanted == nil
                    ? "no backfill of table \(table.table) is under way"
                    : "the backfill of table \(table.table) has not begun yet",
                hint: table.wanted == nil ? "`wherry status` shows what is." : "--cancel takes it back.")
        }
        if order == .cancel, (table.wanted?.cause ?? table.backfill?.cause) != .asked {
            throw Failure(
                .usage,
                "the backfill of table \(table.table) can't be cancelled: the table is not whole before its end",
                hint: "--pause stops the reading for a while; `wherry drop \(settings.pipeline)` gives the pipeline "
                    + "up.")
        }
        guard try await store.order(order, of: table, in: settings.pipeline) else { throw changedMeanwhile }
        let outcome: BackfillReport.Outcome =
            switch order {
            case .pause: .paused
            case .resume: .resumed
            case .cancel: .cancelled
            }
        var report = BackfillReport(
            pipeline: settings.pipeline, table: table.table, collection: call.collection, outcome: outcome,
            workerActive: workerActive)
        report.rowsRead = table.wanted == nil ? table.backfill?.rows : nil
        report.documentsRemoved = table.wanted == nil ? table.backfill?.sweep?.removed : nil
        return report
    }

    private func isUnderWay(
        _ table: TableState, for order: BackfillOrder, _ store: MongoStateStore
    ) async throws -> Bool {
        if table.backfill?.isCancelled == true { return false }
        if table.isBackfilling { return true }
        guard order == .cancel, table.backfill?.cause == .asked else { return false }
        // Rows that have to be read again are its last part.
        return try await store.hasRereads(in: table.part, of: settings.pipeline)
    }

    private var changedMeanwhile: Failure {
        Failure(
            .inUse, "the backfill of table \(call.table) has changed at the same moment, nothing was asked",
            hint: "Look at `wherry status`, then try again.")
    }
}
