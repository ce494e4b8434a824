import Logging
import Model

/// A pipeline from start to stop: take it over, copy if the copy isn't whole, stream; after an interruption the same
/// again from what is stored. Recovery is the ordinary start.
package struct Pipeline: Sendable {
    let settings: PipelineSettings
    let ports: PipelinePorts
    let progress: Progress
    let stop: StopSignal
    let logger: Logger
    private let notes = SchemaNotes()

    package init(
        settings: PipelineSettings, ports: PipelinePorts, progress: Progress, stop: StopSignal, logger: Logger
    ) {
        self.settings = settings
        self.ports = ports
        self.progress = progress
        self.stop = stop
        self.logger = logger
    }

    /// Runs until stopped, or until the end asked for.
    ///
    /// - Throws: the `Failure` that waiting can't mend; it is noted in the state when that can be written.
    package func run() async throws -> PipelineEnd {
        let lease = PipelineLease(settings: settings, ports: ports, progress: progress, logger: logger)
        do {
            let end = try await keepRunning(lease)
            await lease.close()
            return end
        } catch {
            await lease.close()
            throw error
        }
    }

    private func keepRunning(_ lease: PipelineLease) async throws -> PipelineEnd {
        let limits = AdaptiveLimits(settings.limits)
        var attempt = 0
        var appliedBefore = LSN.zero
        while !stop.isStopped {
            do {
                if let end = try await start(lease, limits: limits) { return end }
                // Something is asked of a backfill, or a gap is repaired.
                attempt = 0
                await ports.source.close()
            } catch {
                if stop.isStopped { break }
                let failure = (error as? Failure) ?? Failure(.unexpected, "unexpected error: \(error)")
                let applied = progress.snapshot().applied
                attempt = applied > appliedBefore ? 1 : attempt + 1
                appliedBefore = applied
                let decision = RetryPolicy.decide(failure, attempt: attempt, hasRun: await lease.hasRun)
                guard let delay = decision.delay else {
                    await lease.note(failure)
                    throw failure
                }
                if case .retrySmaller = decision { limits.shrink() }
                await pause(failure, delay)
            }
        }
        // The stop may have come after the last word on the copy.
        if settings.endsWithCopy, let state = await lease.whole { return .copied(state) }
        return .stopped
    }

    /// One start: everything is derived from what is stored. nil when another one has to follow.
    private func start(_ lease: PipelineLease, limits: AdaptiveLimits) async throws -> PipelineEnd? {
        progress.update { $0.phase = .starting }
        let state = try await stop.cancelling {
            let state = try await lease.take()
            guard state.stage != .streaming else { return state }
            return try await InitialCopySetup(pipeline: self, lease: lease).run(state)
        }
        await lease.note(nil)
        if state.stage.isOneOff {
            try await stop.cancelling { try await missingIndexes(of: lease.tables)?.run() }
            return .copied(state)
        }
        guard let checkpoint = state.checkpoint else {
            throw Failure(.unexpected, "pipeline \(state.pipeline) streams without a checkpoint")
        }
        let settled = try await stop.cancelling {
            try await TableSettlement(settings: settings, ports: ports, notes: notes, logger: logger).settle(state)
        }
        try await stop.cancelling {
            try await MappingSettlement(
                settings: settings, ports: ports, acceptsChange: acceptsMappingChange, logger: logger
            ).settle(state)
        }
        try await stop.cancelling {
            try await RowFilterSettlement(settings: settings, ports: ports, logger: logger).settle(state)
        }
        let all = try await stop.cancelling {
            try await AskedBackfills(settings: settings, ports: ports, logger: logger).settle(state)
        }
        let tables = all.filter {
            $0.membership == .member || settled.leaving.contains($0.route)
        }
        let held = try await ports.store.heldLetters(of: settings.pipeline)
        let backfill = try await stop.cancelling {
            try await BackfillStart(
                settings: settings, ports: ports, epoch: state.epoch, source: state.source, progress: progress,
                logger: logger
            )
            .beside(tables, holding: settled.held, leaving: settled.leaving, from: checkpoint)
        }
        let indexes = try await stop.cancelling { try await missingIndexes(of: tables) }
        if settings.endsWithCopy, backfill?.hasWork != true {
            try await stop.cancelling { try await indexes?.run() }
            return .copied(state)
        }
        if settings.endsWithCopy, let paused = backfill?.paused.first {
            throw Failure(
                .configuration, "the backfill of table \(paused) is paused, and nothing is whole before its end",
                hint: "Run `wherry backfill \(tables.words(of: paused)) --resume`, then this again.")
        }
        var streaming = settings
        if settings.endsWithCopy { streaming.end = .caughtUp }
        let stream = StreamRun(
            settings: streaming, limits: limits, source: ports.source, sink: ports.sink,
            plans: PlanTable(tables: tables, rules: settings.rules, showsPresent: true), backfill: backfill,
            indexes: indexes, held: held,
            orders: OrderWatch(
                store: ports.store, pipeline: settings.pipeline, tables: all, unsettled: settled.unsettled,
                awaitsWholeTransaction: settled.awaitsWholeTransaction, letters: held.orders, logger: logger),
            watch: SchemaWatch(
                settings: settings, ports: ports, state: state,
                tables: tables.filter { !settled.leaving.contains($0.route) }, settled: settled, notes: notes,
                progress: progress, logger: logger),
            progress: progress, stop: stop, logger: logger)
        let end: PipelineEnd?
        do {
            end = try await stream.run(from: checkpoint)
        } catch let gap as Failure where gap.kind == .dataGap && acceptsGap {
            let repair = GapRepair(settings: settings, ports: ports, progress: progress, logger: logger)
            try await stop.cancelling { try await repair.run(gap, state, tables: tables, from: checkpoint) }
            return nil
        }
        guard settings.endsWithCopy, case .reached(let position) = end else { return end }
        // The checkpoint may lie behind the position.
        let applied = try await ports.store.load(settings.pipeline)?.checkpoint?.lsn ?? position
        return try await .filled(at: applied, ports.store.tables(of: settings.pipeline))
    }

    private func missingIndexes(of tables: [TableState]) async throws -> IndexBuilds? {
        guard let target = ports.indexes else { return nil }
        return try await IndexBuilds.missing(tables, settings: settings, target: target, logger: logger)
    }

    /// At the first start of the program: later another worker's file may be the newer one.
    private var acceptsMappingChange: Bool {
        settings.acceptsMappingChange && progress.snapshot().transactionsApplied == 0
    }

    /// Only what the first start of the program meets is repaired: a gap that comes up later stops it, for somebody to
    /// look.
    private var acceptsGap: Bool { settings.acceptsGap && progress.snapshot().transactionsApplied == 0 }

    private func pause(_ failure: Failure, _ delay: Duration) async {
        logger.warning(
            "interrupted, going on from the checkpoint",
            metadata: ["reason": "\(failure.message)", "retry_in": "\(delay)"])
        PipelineMetrics.reconnected()
        progress.update {
            $0.reconnects += 1
            $0.waiting = Waiting(reason: failure.message, since: .now)
        }
        await ports.source.close()
        try? await stop.cancelling { try await Task.sleep(for: delay) }
        progress.update { $0.waiting = nil }
    }
}

/// Both databases, as the engine sees them.
package struct PipelinePorts: Sendable {
    package let source: any SourceDatabase
    package let target: any TargetDatabase
    package let store: any StateStore
    package let ranges: any CopyRangeStore
    package let sink: any DocumentSink
    /// nil where nobody makes indexes.
    package let indexes: (any IndexTarget)?
    /// One for each worker of the initial copy.
    package let makeCopySinks: @Sendable () async throws -> [any CopySink]
    /// The tables of these names, as the catalogue shows them now; without names, those that the configuration chooses.
    package let catalogTables: @Sendable (_ names: [TableName]?) async throws -> [SourceTable]
    /// Every table of the source, as the catalogue shows it now.
    package let catalogue: @Sendable () async throws -> [CatalogueTable]

    package init(
        source: any SourceDatabase, target: any TargetDatabase, store: any StateStore,
        ranges: any CopyRangeStore, sink: any DocumentSink, indexes: (any IndexTarget)? = nil,
        makeCopySinks: @escaping @Sendable () async throws -> [any CopySink],
        catalogTables: @escaping @Sendable (_ names: [TableName]?) async throws -> [SourceTable],
        catalogue: @escaping @Sendable () async throws -> [CatalogueTable]
    ) {
        self.source = source
        self.target = target
        self.store = store
        self.ranges = ranges
        self.sink = sink
        self.indexes = indexes
        self.makeCopySinks = makeCopySinks
        self.catalogTables = catalogTables
        self.catalogue = catalogue
    }
}

extension RetryPolicy.Decision {
    var delay: Duration? {
        switch self {
        case .retry(let delay), .retrySmaller(let delay): delay
        case .stop: nil
        }
    }
}
