import Logging
import Model

/// Everything around the initial copy: cleaning up after an interrupted one, publication, slot and snapshot before it,
/// the first checkpoint after it. Without a slot only the snapshot is left, and the state goes at the end.
struct InitialCopySetup {
    let pipeline: Pipeline
    let lease: PipelineLease

    private var ports: PipelinePorts { pipeline.ports }
    private var settings: PipelineSettings { pipeline.settings }

    /// Returns the state in stage `.streaming`, or in `.copiedOnce` and removed from the store.
    func run(_ before: PipelineState) async throws -> PipelineState {
        if before.stage == .copiedOnce { return try await finish(before) }
        pipeline.progress.update { $0.phase = .copying }
        if let interrupted = await lease.interruptedCopy {
            let fallback = CopyFallback(pipeline: pipeline, lease: lease)
            if let state = try await fallback.goOn(with: interrupted, of: before) {
                try await tidyUp()
                return state
            }
            await lease.note(interruptedCopy: nil)
        }
        return try await begin(before)
    }

    /// From nothing: with a new slot, or a new snapshot.
    private func begin(_ before: PipelineState) async throws -> PipelineState {
        var state = before
        let states = await lease.tables
        let sinks = try await lease.copySinks()
        if settings.backfillMode == .live {
            try BackfillPlanner.requireMessages(of: state.source, hint: "Set backfill.mode to exported.")
        }
        // Before anything is dropped or emptied.
        let parts = try await CopyTables(ports: ports, settings: settings).make(states)
        if settings.backfillMode != .exported { try await requireNoNotes(state, states, sinks[0]) }
        // Whoever still copies from an earlier snapshot writes nothing from here on.
        try await ports.ranges.close(settings.pipeline, epoch: before.epoch, isWhole: false)
        try await cleanUp(after: state, states, sinks)
        state.copyAttempt += 1
        try await ports.store.save(state)
        // Of an earlier attempt in another mode.
        if settings.backfillMode != .live {
            try await ports.store.saveBackfills(states.map(\.withoutBackfill), of: state)
        }

        try await ports.target.createCollections(Set(states.map(\.collection)).sorted())
        if settings.usesSlot { try await ports.source.ensurePublication(tables: states.names) }
        let point: LSN
        do {
            point =
                switch settings.backfillMode {
                case .exported: try await copy(parts, state, states)
                case .live: try await beginLive(parts.versions, states, of: state)
                case .none: try await beginEmpty(states)
                }
        } catch let failure as Failure where RetryPolicy.decide(failure, attempt: 1, hasRun: true) == .stop {
            // Nobody will come back to this slot before somebody has mended something: don't let it hold WAL until
            // then. (Who has lost the pipeline has lost the lock, and drops nothing.)
            if settings.usesSlot, failure.kind != .fenced { try? await ports.source.dropSlot() }
            throw failure
        }
        if settings.usesSlot { state.checkpoint = Checkpoint(lsn: point) }
        state.stage = settings.usesSlot ? .streaming : .copiedOnce
        state.stageSince = .now
        try await ports.store.save(state)
        return try await finish(state)
    }

    /// What is left to do once the state says that the copy is whole. Only now: notes forgotten before a crash right
    /// here would leave documents that no later attempt finds.
    private func finish(_ state: PipelineState) async throws -> PipelineState {
        await lease.noteWhole(state)
        try await tidyUp()
        if state.stage == .copiedOnce { try await retire(state) }
        if settings.backfillMode == .exported {
            pipeline.logger.info("initial copy finished", metadata: ["rows_copied": "\(copiedRows)"])
        }
        return state
    }

    private func tidyUp() async throws {
        let sinks = try await lease.copySinks()
        for table in await lease.tables where !table.wasEmpty {
            try await sinks[0].forgetLedger(of: table.part)
        }
        await lease.closeCopySinks()
    }

    /// Removes the state of a copy without a slot. Repeated here for as long as the target is away: once the state is
    /// gone, another start would find a stranger's place.
    private func retire(_ state: PipelineState) async throws {
        var attempt = 1
        while true {
            do {
                return try await ports.store.retire(state)
            } catch let failure as Failure {
                guard let delay = RetryPolicy.decide(failure, attempt: attempt, hasRun: true).delay else {
                    throw failure
                }
                try await Task.sleep(for: delay)
                attempt += 1
            }
        }
    }

    /// Rows that an earlier copy from a snapshot has written into a collection that is not Wherry's alone: only another
    /// such copy can tell which of them are gone since.
    private func requireNoNotes(_ state: PipelineState, _ states: [TableState], _ sink: any CopySink) async throws {
        for table in states where !table.wasEmpty {
            guard try await sink.hasStaleNotes(of: table.part, attempt: state.copyAttempt + 1) else { continue }
            throw Failure(
                .configuration,
                "an interrupted copy of pipeline \(state.pipeline) has left rows in collection \(table.collection), which "
                    + "held documents before or is written by an application too",
                hint: "Finish that copy with `wherry snapshot` (or backfill.mode exported); then `wherry run` goes on.")
        }
    }

    /// Returns the position that the stream begins at.
    private func copy(_ parts: CopyTables.Made, _ state: PipelineState, _ states: [TableState]) async throws -> LSN {
        let sinks = try await lease.copySinks()
        let snapshot = settings.usesSlot ? try await createSlot() : try await ports.source.exportSnapshot()
        pipeline.logger.info(
            "initial copy begins",
            metadata: [
                "tables": "\(states.count)", "attempt": "\(state.copyAttempt)",
                "consistent_point": settings.usesSlot ? "\(snapshot.consistentPoint)" : "none",
            ])

        let shared = SharedCopy(
            pipeline: settings.pipeline, epoch: state.epoch, attempt: state.copyAttempt, snapshot: snapshot.name,
            digests: parts.digests)
        let workers = CopyWorkers(
            snapshot: try await ports.source.snapshotSource(snapshot), sinks: sinks, ranges: ports.ranges, copy: shared,
            tables: parts.tables, limits: settings.limits, refusals: settings.copyRefusals(of: state.source),
            gate: ThrottleGate(settings.backfillLimits, set: try await ports.store.limits(of: settings.pipeline)),
            tally: CopyTally())
        let ranges = try await ranges(of: parts.versions, states)
        do {
            try await InitialCopy(workers: workers, store: ports.store, progress: pipeline.progress)
                .run(ranges, tables: states)
            // Before it is called whole: joiners go then.
            for table in states where !table.wasEmpty {
                try await sinks[0].sweepLedger(of: table.part, attempt: state.copyAttempt)
            }
            try await ports.ranges.close(settings.pipeline, epoch: state.epoch, isWhole: true)
        } catch {
            await lease.note(
                interruptedCopy: InterruptedCopy(
                    consistentPoint: snapshot.consistentPoint, copy: shared, rangeCount: ranges.count, tables: states))
            throw error
        }
        if settings.usesSlot { try await requireSlot(state.slot) }
        return snapshot.consistentPoint
    }

    /// Those of a table once for each of its collections, side by side: the pages are at hand then.
    private func ranges(of versions: [TableVersion], _ states: [TableState]) async throws -> [CopyRange] {
        let distinct = Dictionary(versions.map { ($0.schema.name, $0) }, uniquingKeysWith: { first, _ in first })
        let routes = Dictionary(grouping: states.map(\.route), by: \.table)
        return try await ports.source.planRanges(Array(distinct.values)).flatMap { range in
            (routes[range.table.schema.name] ?? []).map { route in
                var range = range
                range.collection = route.collection
                return range
            }
        }
    }

    /// - Throws: `Failure(.configuration)` when the stream could not go on from the copy.
    private func requireSlot(_ name: String) async throws {
        guard let slot = try await ports.source.slot(), !slot.isLost else {
            throw Failure(
                .configuration,
                "slot \(name) was lost while the copy was made: the source has removed WAL that the stream would need",
                hint: "Raise or unset max_slot_wal_keep_size at the source, which has to hold all that is written "
                    + "during a copy, and start again: the copy begins anew.")
        }
    }

    /// Makes the slot and plans what is read beside its stream; returns where that begins.
    private func beginLive(
        _ versions: [TableVersion], _ states: [TableState], of state: PipelineState
    ) async throws -> LSN {
        let point = try await createSlot().consistentPoint
        try await BackfillPlanner(source: ports.source, store: ports.store).begin(states, versions, of: state)
        return point
    }

    /// Makes the slot; the rows that are there stay where they are.
    private func beginEmpty(_ states: [TableState]) async throws -> LSN {
        let point = try await createSlot().consistentPoint
        let finished = states.map { state in
            var table = state
            table.copyStage = .finished
            return table
        }
        try await ports.store.saveProgress(finished, of: settings.pipeline)
        return point
    }

    private var copiedRows: Int { pipeline.progress.snapshot().tables.reduce(0) { $0 + $1.copiedRows } }

    /// A copy can't be resumed: its snapshot went with its session. The slot goes, and so does what the copy wrote into
    /// collections that were empty; elsewhere its rows are overwritten, and the ledger finds those that are gone.
    private func cleanUp(after state: PipelineState, _ tables: [TableState], _ sinks: [any CopySink]) async throws {
        if settings.usesSlot, let slot = try await ports.source.slot() {
            guard state.copyAttempt > 0 else {
                throw Failure(
                    .configuration, "slot \(slot.name) exists already, and pipeline \(state.pipeline) is new",
                    hint:
                        "If nothing else uses it: SELECT pg_drop_replication_slot('\(slot.name)'); else choose another "
                        + "name with source.slot.")
            }
            try await ports.source.dropSlot()
        }
        guard state.copyAttempt > 0 else { return }
        pipeline.logger.notice("an earlier initial copy was interrupted, starting it again")
        for table in tables where table.wasEmpty { try await sinks[0].empty(table.part) }
    }

    private func createSlot() async throws -> ExportedSnapshot {
        try await ports.createSlot(settings, progress: pipeline.progress, logger: pipeline.logger)
    }
}
