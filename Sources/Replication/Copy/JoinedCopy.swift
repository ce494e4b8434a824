import Logging
import Mapping
import Model

/// Takes part in a copy that another worker of the pipeline, the leader, makes from an exported snapshot: copies ranges
/// of it until nothing is left to claim. Leaves the pipeline itself alone.
package struct JoinedCopy: Sendable {
    package enum End: Hashable, Sendable {
        case stopped
        /// Nothing is left to claim; rows that this program has written, by table.
        case joined([TableProgress])
        /// There was nothing to join: the copy is whole since then.
        case alreadyWhole(since: SourceTime)
    }

    let settings: PipelineSettings
    let ports: PipelinePorts
    let progress: Progress
    let stop: StopSignal
    let logger: Logger

    package init(
        settings: PipelineSettings, ports: PipelinePorts, progress: Progress, stop: StopSignal, logger: Logger
    ) {
        self.settings = settings
        self.ports = ports
        self.progress = progress
        self.stop = stop
        self.logger = logger
    }

    /// - Throws: `Failure` of kind `.copyInterrupted` when no copy begins in time, or the copy ends before it is whole;
    ///   `.configuration` when this program would make other documents of its rows.
    package func run() async throws -> End {
        do {
            let end = try await stop.cancelling { try await join() }
            await ports.source.close()
            return end
        } catch {
            await ports.source.close()
            if stop.isStopped { return .stopped }
            throw error
        }
    }

    private func join() async throws -> End {
        progress.update { $0.phase = .copying }
        let (copy, source): (SharedCopy, SourceIdentity)
        switch try await waitForCopy() {
        case .whole(let since): return .alreadyWhole(since: since)
        case .begun(let begun, let begunFrom): (copy, source) = (begun, begunFrom)
        }
        let tables = try await ports.store.tables(of: settings.pipeline)
        let parts = try await CopyTables(ports: ports, settings: settings).make(tables)
        try requireSame(copy, parts.digests)
        let sinks = try await ports.makeCopySinks()
        do {
            for sink in sinks { await sink.begin(epoch: copy.epoch) }
            let snapshot = try await ports.source.snapshotSource(
                ExportedSnapshot(consistentPoint: .zero, name: copy.snapshot))
            let workers = CopyWorkers(
                snapshot: snapshot, sinks: sinks, ranges: ports.ranges, copy: copy, tables: parts.tables,
                limits: settings.limits, refusals: settings.copyRefusals(of: source),
                gate: ThrottleGate(settings.backfillLimits, set: try await ports.store.limits(of: settings.pipeline)),
                tally: CopyTally())
            logger.info("joined the copy", metadata: ["attempt": "\(copy.attempt)", "tables": "\(tables.count)"])
            try await take(part: workers, tables)
            for sink in sinks { await sink.close() }
            return .joined(own(workers.tally.rows, of: tables))
        } catch {
            for sink in sinks { await sink.close() }
            throw error
        }
    }

    // MARK: - Before

    private enum Found {
        case begun(SharedCopy, of: SourceIdentity)
        case whole(since: SourceTime)
    }

    private func waitForCopy() async throws -> Found {
        let deadline = ContinuousClock.now + settings.joinWait
        defer { progress.update { $0.waiting = nil } }
        while true {
            if let state = try await ports.store.load(settings.pipeline) {
                try await check(state)
                if state.stage == .streaming || state.stage == .copiedOnce { return .whole(since: state.stageSince) }
                // One of an earlier worker may not have expired yet.
                if let copy = try await ports.ranges.current(of: settings.pipeline), copy.epoch == state.epoch {
                    return .begun(copy, of: state.source)
                }
            }
            guard .now < deadline else { throw nothingToJoin }
            progress.update {
                $0.waiting = $0.waiting ?? Waiting(reason: "waiting for the copy to begin", since: .now)
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private var nothingToJoin: Failure {
        Failure(
            .copyInterrupted,
            "no copy of pipeline \(settings.pipeline) has begun within \(settings.joinWait / .seconds(1)) s",
            hint: "--join takes part in a copy that another `wherry snapshot` makes: start that one, with the same "
                + "source, target, pipeline and state database.")
    }

    private func check(_ state: PipelineState) async throws {
        if let failure = StartChecks.kind(of: state, usesSlot: settings.usesSlot) { throw failure }
        if let failure = StartChecks.names(
            in: state, slot: settings.slot, publication: settings.publication, plugin: settings.plugin,
            targetDatabase: settings.targetDatabase)
        {
            throw failure
        }
        if let failure = StartChecks.source(of: state, is: try await ports.source.identify()) { throw failure }
        let tables = try await ports.store.tables(of: settings.pipeline)
        if let failure = StartChecks.tables(tables.map(\.table), of: state, asked: settings.tables) { throw failure }
        let hasRereads = try await ports.store.hasRereadsBeforeWhole(settings.pipeline)
        guard state.stage == .streaming, state.shownStage(tables, hasRereads: hasRereads) != .streaming else { return }
        throw Failure(
            .copyInterrupted, "pipeline \(state.pipeline) is filled beside its stream: there is no copy to join",
            hint: "`wherry status` shows how far it is.")
    }

    private func requireSame(_ copy: SharedCopy, _ own: [Route: String]) throws {
        let different = Set(copy.digests.keys).union(own.keys).filter { copy.digests[$0] != own[$0] }.sorted()
        guard !different.isEmpty else { return }
        throw Failure(
            .configuration,
            "the copy would get other documents from here: table "
                + different.map(\.description).joined(separator: ", "),
            hint: "Programs that copy together need the same version of Wherry and the same configuration; a table "
                + "that was altered since the copy began can't be joined either.")
    }

    // MARK: - Copying

    private func take(part workers: CopyWorkers, _ tables: [TableState]) async throws {
        do {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await workers.run()
                    return true
                }
                group.addTask {
                    try await watch(workers, tables)
                    return false
                }
                defer { group.cancelAll() }
                while let isFinished = try await group.next(), !isFinished {}
            }
        } catch {
            // Also when cancelled: what it had is free at once.
            try? await workers.release()
            // That the snapshot is gone, or the pipeline taken over, may be because the copy is whole.
            guard let failure = error as? Failure, [.copyInterrupted, .fenced].contains(failure.kind) else {
                throw error
            }
            if try await isOver(workers.copy) { return }
            throw failure.kind == .fenced ? givenUp : failure
        }
        _ = try await isOver(workers.copy)
    }

    /// Keeps the leases, shows how far everybody is, and ends when the leader isn't heard of any more.
    private func watch(_ workers: CopyWorkers, _ tables: [TableState]) async throws {
        var silentSince: ContinuousClock.Instant?
        while true {
            try await Task.sleep(for: .seconds(1))
            try await workers.keepLeases(asLeader: false)
            workers.gate.follow(try await ports.store.limits(of: settings.pipeline))
            let standing = try await ports.ranges.standing(of: workers.copy)
            // Of one that is over there is nothing left to claim: the workers end by themselves.
            // After the target was away the leader may come back a little later than this program.
            silentSince = standing == .silent ? silentSince ?? .now : nil
            if let silentSince, .now - silentSince > settings.silentLeaderPatience { throw silentLeader }
            guard standing == .going else { continue }
            progress.show(try await ports.ranges.progress(of: workers.copy).applied(to: tables))
        }
    }

    private var silentLeader: Failure {
        Failure(
            .copyInterrupted, "the worker that began the copy \(settings.pipeline) is not heard of any more",
            hint: "Its snapshot has gone with it. Start `wherry snapshot` again, and then `wherry snapshot --join`.")
    }

    /// Whether the copy is whole; false while it is going on.
    ///
    /// - Throws: `Failure(.copyInterrupted)` when it never will be.
    private func isOver(_ copy: SharedCopy) async throws -> Bool {
        switch try await ports.ranges.standing(of: copy) {
        case .going: return false
        case .ended(isWhole: true): return true
        case .silent: throw silentLeader
        case .gone where !settings.usesSlot:
            // The state of a copy without a slot goes when it is whole.
            if try await ports.store.load(settings.pipeline) == nil { return true }
        case .gone, .ended: break
        }
        throw givenUp
    }

    private var givenUp: Failure {
        Failure(
            .copyInterrupted, "the copy \(settings.pipeline) has ended before it was whole",
            hint: "Its leader says why; `wherry status` shows how the pipeline goes on.")
    }

    private func own(_ rows: [Route: Int], of tables: [TableState]) -> [TableProgress] {
        tables.map { table in
            var entry = TableProgress(table: table.table, collection: table.collection, estimatedRows: 0)
            entry.copiedRows = rows[table.route] ?? 0
            entry.isFinished = true
            return entry
        }
    }
}
