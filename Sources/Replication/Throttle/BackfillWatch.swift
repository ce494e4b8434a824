import Logging
import Model

/// Looks after a live backfill once a second: at what is set, at what the servers bear, for whom a fence waits, and
/// which tables are locked. It is the one that tells why nothing is read: on the board, in the log, and in the state
/// database for `wherry status`.
actor BackfillWatch {
    private let pipeline: String
    private let epoch: Int64
    private let ports: PipelinePorts
    private let gate: ThrottleGate
    private let inbox: ChunkInbox
    /// Why tables are not read, and since when.
    private let tablesWaiting: @Sendable () -> [Waiting]
    private let progress: Progress
    private let interval: Duration
    private let logger: Logger

    /// What was told last, with the moment by this machine's clock.
    private var told: (waiting: Waiting, note: WorkerNote.Waiting)?
    /// Whether the state database has it.
    private var isNoted = true
    private var fenceSince: ContinuousClock.Instant?
    private var hasWarned = false

    init(
        pipeline: String, epoch: Int64, ports: PipelinePorts, gate: ThrottleGate, inbox: ChunkInbox,
        tablesWaiting: @escaping @Sendable () -> [Waiting], progress: Progress, interval: Duration = .seconds(1),
        logger: Logger
    ) {
        self.pipeline = pipeline
        self.epoch = epoch
        self.ports = ports
        self.gate = gate
        self.inbox = inbox
        self.tablesWaiting = tablesWaiting
        self.progress = progress
        self.interval = interval
        self.logger = logger
    }

    /// Runs until it is cancelled. What can't be asked or told is left to the next time: stream and readers have
    /// connections of their own, and notice by themselves when a server is gone.
    func run() async throws {
        while true {
            await attempt("limits") { gate.follow(try await ports.store.limits(of: pipeline)) }
            await attempt("load") { gate.note(try await load()) }
            await tell([gate.waiting, await fenceWaiting()].compactMap { $0 } + tablesWaiting())
            try await Task.sleep(for: interval)
        }
    }

    /// Nothing is left to wait for.
    func end() async { await tell([]) }

    private func attempt(_ what: String, _ body: () async throws -> Void) async {
        do { try await body() } catch {
            let reason = (error as? Failure)?.message ?? "\(error)"
            logger.debug("not known this time", metadata: ["what": "\(what)", "reason": "\(reason)"])
        }
    }

    private func load() async throws -> BackfillLoad {
        let source = try await ports.source.load()
        let slot = try await ports.source.slot()
        if source.hidesReplicas, gate.limits[.replicaLag]?.value != nil, !hasWarned {
            hasWarned = true
            logger.warning(
                "backfill.max_replica_lag pauses nothing: the role may not see how far standbys are",
                metadata: ["hint": "GRANT pg_monitor TO the role wherry logs in with"])
        }
        return BackfillLoad(
            lag: progress.snapshot().lag(at: source.clock), heldWAL: slot?.heldBytes,
            allowedWAL: slot.flatMap { slot in slot.safeWalSize.map { max(0, (slot.heldBytes ?? 0) + $0) } },
            replicaLag: source.replicaLag)
    }

    private func fenceWaiting() async -> Waiting? {
        guard let fence = inbox.fence else {
            fenceSince = nil
            return nil
        }
        let since = fenceSince ?? .now
        fenceSince = since
        var running: [RunningTransaction] = []
        await attempt("transactions") { running = try await ports.source.runningTransactions() }
        let reason = FenceReason.text(fence, running: running, newest: inbox.horizon.newest)
        return Waiting(reason: reason, since: since)
    }

    private func tell(_ all: [Waiting]) async {
        let waiting = all.map(\.since).min().map { since in
            Waiting(reason: all.map(\.reason).joined(separator: "; "), since: since)
        }
        if waiting != told?.waiting { tellAnew(waiting) }
        guard !isNoted else { return }
        await attempt("note") {
            try await ports.store.leave(WorkerNote(epoch: epoch, waiting: told?.note), of: pipeline)
            isNoted = true
        }
    }

    private func tellAnew(_ waiting: Waiting?) {
        progress.update { $0.backfillWaiting = waiting }
        if let waiting, told == nil {
            logger.notice("the backfill waits", metadata: ["for": "\(waiting.reason)"])
        } else if waiting == nil {
            logger.notice("the backfill goes on")
        }
        told = waiting.map { waiting in
            let known = told?.waiting.since == waiting.since ? told?.note.since : nil
            let since = known ?? .before(.now - waiting.since)
            return (waiting, WorkerNote.Waiting(reason: waiting.reason, since: since))
        }
        isNoted = false
    }
}

extension ProgressSnapshot {
    /// How far the stream is behind, in milliseconds: the age of the newest transaction applied, by the source's clock;
    /// 0 when there is nothing to apply, nil when nothing has been applied yet.
    func lag(at clock: SourceTime) -> Int? {
        if applied >= sourceEnd { return 0 }
        return appliedCommitTime.map { Int(max(0, clock.microseconds - $0.microseconds) / 1000) }
    }
}
