import Logging
import Model
import Mongo
import Postgres

/// Reads where one pipeline stands: the state database first, then the source. Changes nothing.
struct StatusWiring: Sendable {
    let settings: Settings
    let logger: Logger

    /// - Throws: `Failure` when the target can't be read. A source that can't be asked is part of the report.
    func report() async throws -> StatusReport {
        let pool = try Endpoint.pool(settings)
        let store = try Endpoint.store(settings, pool)
        let state = try await store.load(settings.pipeline)
        let note = try await store.workerNote(of: settings.pipeline)
        var report = StatusReport(
            pipeline: settings.pipeline, state: state?.stage.rawValue ?? "absent", source: settings.source.uri.safe,
            target: settings.target.uri.safe, worker: .init(active: false))
        if let state {
            let tables = try await store.tables(of: settings.pipeline)
            let rereads = try await store.rereadsBeforeWhole(of: settings.pipeline, limit: 0)
            report.fill(state, tables: tables, rereads: rereads)
            let held = try await store.heldLetters(of: settings.pipeline)
            if held.letters > 0 { report.heldBack = .init(changes: held.letters, documents: held.keys.count) }
            let missing = try await missingIndexes(tables, pool)
            if missing > 0 { report.indexesMissing = missing }
            report.state = state.shownStage(tables, hasRereads: !rereads.isEmpty).rawValue
        }
        do {
            try await askSource(state, &report)
        } catch let failure as Failure {
            report.sourceError = .init(
                kind: failure.kind.rawValue, message: failure.message, hint: failure.hint,
                at: Timestamp.text(Timestamp.now()))
        }
        // What a worker has left that is gone says nothing any more.
        if report.worker.active, let note, note.epoch == state?.epoch {
            report.waiting = note.waiting.map { .init(reason: $0.reason, since: Timestamp.text($0.since)) }
        }
        return report.advised()
    }

    /// How many of those that the configuration asks for are not there.
    private func missingIndexes(_ tables: [TableState], _ pool: MongoPool) async throws -> Int {
        let catalog = MongoIndexCatalog(pool: pool)
        var count = 0
        for table in tables {
            guard let configured = settings.source.rules.settings(of: table), !configured.indexes.isEmpty else {
                continue
            }
            count += try await catalog.comparison(
                of: configured.indexes, with: table.collection, omitsNulls: configured.mapping.nulls == .omit
            ).missing.count
        }
        return count
    }

    private func askSource(_ state: PipelineState?, _ report: inout StatusReport) async throws {
        var asked = settings
        if let state { asked.source.slot = state.slot }
        report = try await Endpoint.withSource(asked, logger: logger) { [report] source in
            var filled = report
            filled.slot = try await source.slot().map(SlotReport.init)
            if let worker = try await source.activeWorker() { filled.worker = .init(worker) }
            filled.setPositions(
                applied: state?.checkpoint?.lsn, commitTime: state?.checkpoint?.commitTime,
                sourceEnd: try await source.currentLSN(), now: Timestamp.now())
            return filled
        }
    }
}

extension StatusReport {
    /// What the state database says.
    fileprivate mutating func fill(_ state: PipelineState, tables: [TableState], rereads: [Reread]) {
        stateSince = Timestamp.text(state.stageSince)
        transactionsSplit = Int(clamping: state.statistics.splitTransactions)
        setPositions(applied: state.checkpoint?.lsn, commitTime: state.checkpoint?.commitTime, sourceEnd: nil, now: nil)
        lastError = state.lastError.map {
            LastError(
                kind: $0.failure.kind.rawValue, message: $0.failure.message, hint: $0.failure.hint,
                at: Timestamp.text($0.at))
        }
        let again = Dictionary(grouping: rereads, by: \.collection)
        self.tables = tables.map { table in
            let own = again[table.collection]?.count(where: table.part.contains) ?? 0
            return Table(table, rowsToReadAgain: own > 0 ? own : nil)
        }
    }
}

extension StatusReport.Table {
    fileprivate init(_ state: TableState, rowsToReadAgain: Int?) {
        let stage = rowsToReadAgain != nil && state.copyStage == .finished ? .copying : state.copyStage
        self.init(
            table: state.table.description, collection: state.collection, rowsEstimated: state.estimatedRows,
            rowsCopied: state.copiedRows, state: stage.rawValue)
        self.rowsToReadAgain = rowsToReadAgain
        backfillRefusal = state.refusal?.message
        if state.wanted != nil { backfillAsked = true }
        switch state.membership {
        case .member: break
        case .joining: membership = "joining"
        case .leaving: membership = "leaving"
        }
        let unfinished = state.isBackfilling ? state.backfill?.cause : nil
        if (state.wanted?.cause ?? unfinished) == .schemaChange { backfillCause = "schema_change" }
        guard let backfill = state.backfill else { return }
        if state.isBackfilling, backfill.isPaused { paused = true }
        condition = backfill.condition
        documentsRemoved = backfill.sweep?.removed
    }
}

extension StatusReport.Worker {
    fileprivate init(_ worker: ActiveWorker) {
        self.init(
            active: true, pid: worker.pid, host: worker.clientAddress, application: worker.applicationName,
            since: worker.since)
    }
}

extension SlotReport {
    init(_ slot: SlotStatus) {
        self.init(
            name: slot.name, database: slot.database, active: slot.active,
            walStatus: slot.isLost ? "lost" : slot.walStatus, heldBytes: slot.heldBytes.map { UInt64(clamping: $0) },
            safeWalSize: slot.safeWalSize.map(Int64.init), restartLSN: slot.restartLSN,
            confirmedFlushLSN: slot.confirmedFlushLSN)
    }
}
