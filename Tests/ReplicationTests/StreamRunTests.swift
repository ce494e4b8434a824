import Logging
import Model
import TestSupport
import Testing

@testable import Replication

/// Receiver, preparer, writer and heartbeat together, on a scripted connection.
struct StreamRunTests {
    let table = SampleTable()
    let start = Checkpoint(lsn: LSN(rawValue: 1000))

    struct Parts: Sendable {
        let run: StreamRun
        let stream: ScriptedStream
        let source: FakeSource
        let sink: RecordingSink
        let progress: Progress
        let stop: StopSignal
    }

    func parts(
        _ script: EventScript, sink: RecordingSink = RecordingSink(), end: PipelineSettings.End = .never,
        heartbeat: UInt64 = 1000, operations: Int = 5000
    ) -> Parts {
        let stream = ScriptedStream(script)
        let source = FakeSource([table], heartbeat: LSN(rawValue: heartbeat)) { _ in stream }
        var settings = PipelineSettings(
            pipeline: "p", slot: "s", publication: "s", targetDatabase: "shop",
            worker: WorkerIdentity(host: "h", pid: 1, startedAt: SourceTime(microseconds: 0)))
        settings.end = end
        let (progress, stop) = (Progress(), StopSignal())
        let run = StreamRun(
            settings: settings, limits: AdaptiveLimits(BatchLimits(operations: operations)), source: source, sink: sink,
            plans: PlanTable(tables: [table.state]), backfill: nil, held: HeldLetters(), progress: progress, stop: stop,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        return Parts(run: run, stream: stream, source: source, sink: sink, progress: progress, stop: stop)
    }

    func script(_ transactions: Int) -> EventScript {
        var script = EventScript([table])
        for number in 0..<transactions { script.transaction([table.insert("\(number)", "n", "d")]) }
        return script
    }

    @Test func endsAtThePositionAskedFor() async throws {
        let script = script(50)
        let target = LSN(rawValue: 1250)
        let parts = parts(script, end: .position(target), operations: 20)
        let end = try await promptly { try await parts.run.run(from: start) }
        #expect(end == .reached(target))
        #expect(parts.sink.checkpoint.lsn >= target)
        #expect(parts.stream.isClosed)
        // The last status tells the server all of it.
        #expect(parts.stream.statuses.last?.applied == parts.sink.checkpoint.lsn)
    }

    @Test func isCaughtUpOnceItsOwnMessageHasPassed() async throws {
        var script = script(3)
        script.transaction([])
        let parts = parts(script, end: .caughtUp, heartbeat: 1035)
        let end = try await promptly { try await parts.run.run(from: start) }
        #expect(end == .reached(LSN(rawValue: 1035)))
        #expect(parts.sink.target.collections["t"]?.count == 3)
    }

    @Test func endsAtOnceWhenThePositionIsAppliedAlready() async throws {
        let parts = parts(EventScript([table]), end: .position(LSN(rawValue: 900)))
        let end = try await promptly { try await parts.run.run(from: start) }
        #expect(end == .reached(LSN(rawValue: 900)))
        #expect(parts.sink.steps.isEmpty)
    }

    @Test func aStopLetsTheBatchInFlightFinish() async throws {
        let gate = Gate()
        let parts = parts(script(200), sink: RecordingSink(gate: gate), operations: 20)
        let end = try await promptly {
            async let end = parts.run.run(from: start)
            #expect(await eventually { gate.waiting == 1 })
            parts.stop.stop()
            #expect(parts.sink.steps.isEmpty)
            gate.open()
            return try await end
        }
        #expect(end == .stopped)
        #expect(parts.sink.batches.count == 1)
        #expect(parts.stream.statuses.last?.applied == parts.sink.checkpoint.lsn)
        #expect(parts.progress.snapshot().phase == .stopping)
    }

    /// The target hangs: reading stops as nobody takes what was read, telling the server goes on, and nothing is
    /// confirmed that is not applied.
    @Test func aHangingTargetStopsTheReadingButNotTheTelling() async throws {
        var script = EventScript([table], padding: 1000)
        for number in 0..<2000 { script.transaction([table.insert("\(number)", "n", "d")]) }
        let gate = Gate()
        let all = script.frames.count
        let parts = parts(script, sink: RecordingSink(gate: gate), operations: 20)
        try await promptly {
            async let end = parts.run.run(from: start)
            #expect(await eventually { gate.waiting == 1 })
            // It can't read on; the number of status messages goes on growing all the same.
            let seen = parts.stream.statuses.count
            #expect(await eventually { parts.stream.statuses.count > seen + 10 })
            let received = parts.stream.received
            #expect(received < all / 2)
            let later = parts.stream.statuses.count
            #expect(await eventually { parts.stream.statuses.count > later + 10 })
            #expect(parts.stream.received == received)
            #expect(parts.stream.statuses.allSatisfy { $0.applied == start.lsn && $0.received >= $0.applied })
            gate.open()
            #expect(await eventually { parts.sink.target.collections["t"]?.count == 2000 })
            parts.stop.stop()
            _ = try await end
        }
        #expect(parts.stream.received == all)
    }

    @Test func aReplyIsSentWhenTheServerAsks() async throws {
        let stream = ScriptedStream(EventScript(), statusInterval: .seconds(3600))
        let receiver = FrameReceiver(
            stream: stream, queue: FrameQueue(), positions: StreamPositions(start: .zero),
            progress: Progress())
        try await promptly {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await receiver.run() }
                #expect(await eventually { stream.statuses.count == 1 })
                stream.send(.keepalive(position: LSN(rawValue: 77), replyRequested: true))
                #expect(await eventually { stream.statuses.count == 2 })
                group.cancelAll()
                try await group.waitForAll()
            }
        }
        #expect(stream.statuses.last?.received == LSN(rawValue: 77))
        #expect(stream.statuses.last?.applied == .zero)
    }

    @Test func aBrokenConnectionEndsTheRunWithItsFailure() async throws {
        let parts = parts(script(5))
        let failure = await #expect(throws: Failure.self) {
            try await promptly {
                async let end = parts.run.run(from: start)
                #expect(await eventually { parts.sink.target.collections["t"]?.count == 5 })
                parts.stream.fail(Failure(.sourceInterrupted, "gone"))
                _ = try await end
            }
        }
        #expect(failure?.kind == .sourceInterrupted)
        #expect(parts.stream.isClosed)
    }

    @Test func aFailingTargetEndsTheRunWithItsFailure() async throws {
        let parts = parts(script(5), sink: RecordingSink { _ in Failure(.fenced, "taken over") })
        let failure = await #expect(throws: Failure.self) {
            try await promptly { _ = try await parts.run.run(from: start) }
        }
        #expect(failure?.kind == .fenced)
        #expect(parts.stream.isClosed)
        #expect(parts.stream.statuses.allSatisfy { $0.applied == start.lsn })
    }

    @Test func aHeartbeatThatFailsHarmsNothing() async throws {
        let parts = parts(script(5))
        parts.source.change { $0.failures["heartbeat"] = [Failure(.sourceInterrupted, "gone")] }
        try await promptly {
            async let end = parts.run.run(from: start)
            #expect(await eventually { parts.sink.target.collections["t"]?.count == 5 })
            parts.stop.stop()
            let ending = try await end
            #expect(ending == .stopped)
        }
    }

    @Test func countsWhatItApplied() async throws {
        var script = EventScript([table])
        script.transaction((0..<25).map { table.insert("\($0)", "n", "d") })
        script.transaction([table.update("1", "m", "d"), table.update("1", "o", "d")])
        let parts = parts(script, end: .position(script.end), operations: 10)
        _ = try await promptly { try await parts.run.run(from: start) }
        let seen = parts.progress.snapshot()
        #expect(seen.changesApplied == 27 && seen.transactionsApplied == 2 && seen.transactionsSplit == 1)
        #expect(seen.changesCoalesced == 1)
        #expect(seen.applied == script.end && seen.confirmed == script.end && seen.received == script.end)
        #expect(seen.appliedCommitTime == script.commitTime)
    }

    /// Fifty positions a second make about one checkpoint a second.
    @Test func anIdlePositionIsWrittenOnceASecond() async throws {
        let parts = parts(EventScript([table]))
        let clock = ContinuousClock()
        let elapsed = try await promptly {
            async let end = parts.run.run(from: start)
            let began = clock.now
            var position: UInt64 = 2000
            while parts.sink.batches.count < 3 {
                position += 10
                parts.stream.send(.keepalive(position: LSN(rawValue: position), replyRequested: false))
                try await Task.sleep(for: .milliseconds(20))
            }
            parts.stop.stop()
            _ = try await end
            return clock.now - began
        }
        // The first at once.
        let mostCheckpoints = 1 + Int(elapsed / .seconds(1))
        #expect(elapsed >= .milliseconds(1900) && parts.sink.batches.count <= mostCheckpoints)
        #expect(parts.sink.batches.allSatisfy { $0.counts.writes == 0 && $0.checkpoint.lsn.rawValue >= 2000 })
    }
}
