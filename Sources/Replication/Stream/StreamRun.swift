import Logging
import Mapping
import Model

/// One connection's worth of streaming: receiver, preparer and writer side by side, with a heartbeat beside them. The
/// first one to end ends all.
struct StreamRun: Sendable {
    let settings: PipelineSettings
    let limits: AdaptiveLimits
    let source: any SourceDatabase
    let sink: any DocumentSink
    let plans: PlanTable
    /// Who reads beside the stream; nil when nothing can be read there, and nothing has to be.
    let backfill: LiveBackfill?
    /// Made behind it, beside the stream; nil when none is missing.
    var indexes: IndexBuilds?
    /// Keys that are held back.
    let held: HeldLetters
    /// What would make the stream start again; nil when nothing does.
    var orders: OrderWatch?
    /// Looks after the columns of its tables; nil where nobody does.
    var watch: SchemaWatch?
    let progress: Progress
    let stop: StopSignal
    let logger: Logger

    /// How long a batch in flight may take once a stop is asked for.
    private static let stopPatience = Duration.seconds(20)

    /// - Returns: nil when it has to start again, because something is asked of a backfill.
    func run(from checkpoint: Checkpoint) async throws -> PipelineEnd? {
        let stream = try await stop.cancelling {
            try await source.requirePublished(plans.tables)
            return try await source.open(after: checkpoint.lsn)
        }
        do {
            let end = try await run(stream, from: checkpoint)
            await stream.close()
            return end
        } catch {
            await stream.close()
            throw error
        }
    }

    private func run(_ stream: any ChangeStream, from checkpoint: Checkpoint) async throws -> PipelineEnd? {
        let flow = Flow(stream: stream, start: checkpoint, progress: progress)
        let asked = StopSignal()
        if backfill?.hasTables != true, indexes == nil {
            flow.target.position = try await stop.cancelling { try await targetPosition() }
        }
        progress.update {
            $0.phase = .streaming
            ($0.waiting, $0.backfillWaiting) = (nil, nil)
            $0.applied = checkpoint.lsn
            $0.appliedCommitTime = checkpoint.commitTime
        }
        logger.info("streaming", metadata: ["from": "\(checkpoint.lsn)"])
        let hasReached = try await withThrowingTaskGroup(of: Bool?.self) { group in
            addFlow(flow, to: &group)
            addCompany(of: flow, to: &group)
            addEnds(of: flow, asked: asked, to: &group)
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            return false
        }
        progress.update {
            if !asked.isStopped || stop.isStopped { $0.phase = .stopping }
            $0.backfillWaiting = nil
        }
        try await flow.receiver.sendStatus()
        guard hasReached, let position = flow.target.position else {
            return asked.isStopped && !stop.isStopped ? nil : .stopped
        }
        return .reached(position)
    }

    /// What the tasks of one connection share.
    private struct Flow: Sendable {
        let stream: any ChangeStream
        let start: Checkpoint
        let queue = FrameQueue()
        let handoff: StepHandoff
        let positions: StreamPositions
        let receiver: FrameReceiver
        let target = StreamTarget()

        init(stream: any ChangeStream, start: Checkpoint, progress: Progress) {
            self.stream = stream
            self.start = start
            let handoff = StepHandoff(onWanted: { [queue] in
                queue.poke()
                stream.hurry()
            })
            self.handoff = handoff
            positions = StreamPositions(start: start.lsn)
            receiver = FrameReceiver(
                stream: stream, queue: queue, positions: positions, progress: progress,
                isWanted: { handoff.isWanted })
        }
    }

    private typealias Tasks = ThrowingTaskGroup<Bool?, any Error>

    /// From the connection to the target; the writer ends with whether it has come to where it was to stop.
    private func addFlow(_ flow: Flow, to tasks: inout Tasks) {
        tasks.addTask {
            try await flow.receiver.run()
            return nil
        }
        // Before any of them is read again.
        let pending = backfill.map { PendingRereads(Set($0.rereads.all), areAll: !$0.rereads.hasMore) }
        tasks.addTask {
            var preparer = ChangePreparer(
                from: flow.start, limits: limits, source: source, decoder: flow.stream.makeDecoder(), plans: plans,
                handoff: flow.handoff, filter: filter(from: flow.start, pending), watch: watch,
                refusals: settings.refusals)
            try await preparer.run(flow.queue)
            return nil
        }
        tasks.addTask {
            var writer = BatchWriter(
                sink: sink, handoff: flow.handoff, positions: flow.positions, progress: progress, limits: limits,
                target: flow.target, checkpoint: flow.start, held: HeldKeys(held, of: settings.pipeline),
                refusals: settings.refusals)
            if let backfill {
                writer.onRereads = { backfill.rereads.add($0) }
                writer.hasSettledRereads = { backfill.rereads.isSettled() }
            }
            return try await writer.run()
        }
    }

    /// Who reads beside the stream, the indexes behind it, the heartbeat, and who looks after the tables.
    private func addCompany(of flow: Flow, to tasks: inout Tasks) {
        let filled = StopSignal()
        if backfill?.hasTables != true { filled.stop() }
        if let backfill {
            tasks.addTask {
                if backfill.hasTables {
                    try await backfill.run()
                    filled.stop()
                }
                try await backfill.readOnDemand()
                return nil
            }
        }
        if backfill?.hasTables == true || indexes != nil {
            tasks.addTask {
                await filled.wait()
                try Task.checkCancellation()
                try await indexes?.run()
                // Whatever the backfill has written stands before this in the stream.
                flow.target.position = try await targetPosition()
                return nil
            }
        }
        tasks.addTask {
            try await heartbeat()
            return nil
        }
        if let watch {
            tasks.addTask {
                try await watch.run()
                return nil
            }
        }
    }

    /// What is begun is written then, and what isn't durable is sent again.
    private func addEnds(of flow: Flow, asked: StopSignal, to tasks: inout Tasks) {
        if let orders {
            tasks.addTask {
                try await orders.waitForChange()
                logger.info("starting the stream again: something is asked of a table")
                asked.stop()
                flow.handoff.finish()
                return nil
            }
        }
        tasks.addTask {
            await stop.wait()
            flow.handoff.finish()
            // A target that doesn't answer must not keep the program for ever.
            try await Task.sleep(for: StreamRun.stopPatience)
            throw CancellationError()
        }
    }

    /// What the preparer has to know of what is read beside the stream.
    private func filter(from checkpoint: Checkpoint, _ pending: PendingRereads?) -> ChunkFilter? {
        guard let backfill, let pending else { return nil }
        return ChunkFilter(
            unfinished: Set(backfill.tables.values.map(\.plan.part)), tracked: backfill.tracked,
            pending: pending, inbox: backfill.inbox, fence: checkpoint.fence, byteLimit: settings.touchLogBytes,
            progress: progress)
    }

    /// Where to stop. For "caught up" a message is written into the WAL now: whatever committed before is in the target
    /// once the stream has passed it, however idle the source may be.
    private func targetPosition() async throws -> LSN? {
        switch settings.end {
        case .never: nil
        case .caughtUp: try await source.emitHeartbeat()
        case .position(let lsn): lsn
        }
    }

    /// Asks for the end of the WAL every second, for the lag, and writes a message into it now and then, so that a
    /// pipeline whose tables are idle keeps moving and holds no WAL.
    private func heartbeat() async throws {
        let clock = ContinuousClock()
        var due = clock.now
        while !Task.isCancelled {
            do {
                if clock.now >= due {
                    try await source.requirePublished(plans.tables)
                    _ = try await source.emitHeartbeat()
                    due = clock.now + settings.heartbeatInterval
                }
                let end = try await source.currentLSN()
                progress.update { $0.sourceEnd = end }
            } catch let failure as Failure where failure.kind != .dataGap {
                // The stream has a connection of its own, and notices by itself when the server is gone.
                logger.debug("no heartbeat", metadata: ["reason": "\(failure.message)"])
            }
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }
}
