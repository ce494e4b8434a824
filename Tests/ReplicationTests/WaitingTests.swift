import Model
import TestSupport
import Testing

@testable import Replication

/// Every place where the engine waits gives up at once when its task is cancelled, and wakes when it should.
struct WaitingTests {
    static let frame = Frame.data(ByteBlock(copying: [UInt8](repeating: 0, count: 100)), end: .zero)

    static func step(_ number: UInt64) -> WriteStep {
        .batch(
            WriteBatch(checkpoint: Checkpoint(lsn: LSN(rawValue: number)), collections: [], counts: WriteBatch.Counts())
        )
    }

    static func position(_ step: WriteStep?) -> UInt64? {
        if case .batch(let batch) = step { batch.checkpoint.lsn.rawValue } else { nil }
    }

    /// Runs `body` in a task that is cancelled once it has had a chance to wait, a hundred times at different moments.
    private func cancelled(_ body: @escaping @Sendable () async -> Void) async throws {
        for round in 0..<100 {
            try await promptly {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await body() }
                    for _ in 0..<round % 10 { await Task.yield() }
                    group.cancelAll()
                }
            }
        }
    }

    @Test func poppingIsCancellable() async throws {
        try await cancelled { _ = await FrameQueue().pop() }
    }

    @Test func waitingForEmptinessIsCancellable() async throws {
        try await cancelled {
            let queue = FrameQueue()
            queue.push([WaitingTests.frame])
            await queue.waitUntilEmpty(until: .now + .seconds(3600))
        }
    }

    @Test func takingIsCancellable() async throws {
        try await cancelled {
            let step = await StepHandoff(onWanted: {}).take()
            #expect(WaitingTests.position(step) == nil)
        }
    }

    @Test func puttingIsCancellable() async throws {
        try await cancelled {
            let handoff = StepHandoff(onWanted: {})
            await handoff.put(WaitingTests.step(1))
            await handoff.put(WaitingTests.step(2))
        }
    }

    @Test func waitingForAStopIsCancellable() async throws {
        try await cancelled { await StopSignal().wait() }
    }

    // MARK: - Queue

    @Test func framesComeOutInOrder() async throws {
        let queue = FrameQueue()
        let received = try await promptly {
            async let consumer: [UInt64] = {
                var positions: [UInt64] = []
                while positions.count < 2000 {
                    for case .keepalive(let position, _) in await queue.pop() { positions.append(position.rawValue) }
                }
                return positions
            }()
            for number in 0..<2000 as Range<UInt64> {
                if number % 5 == 0 { await queue.waitUntilEmpty(until: .now + .seconds(1)) }
                queue.push([.keepalive(position: LSN(rawValue: number), replyRequested: false)])
                if number % 7 == 0 { queue.poke() }
            }
            return await consumer
        }
        #expect(received == Array(0..<2000))
        #expect(queue.isEmpty && queue.bytes == 0)
    }

    @Test func aPokeIsNotLost() async throws {
        let queue = FrameQueue()
        queue.poke()
        let frames = try await promptly { await queue.pop() }
        #expect(frames.isEmpty)
    }

    @Test func theConsumerEmptiesIt() async throws {
        let queue = FrameQueue()
        queue.push([WaitingTests.frame])
        #expect(!queue.isEmpty)
        try await promptly {
            async let waiting: Void = queue.waitUntilEmpty(until: .now + .seconds(3600))
            _ = await queue.pop()
            await waiting
        }
        #expect(queue.isEmpty)
    }

    @Test func waitingForEmptinessEndsAtItsDeadline() async throws {
        let queue = FrameQueue()
        queue.push([WaitingTests.frame])
        try await promptly { await queue.waitUntilEmpty(until: .now + .milliseconds(1)) }
        #expect(!queue.isEmpty)
    }

    // MARK: - Handoff

    @Test func stepsComeOutInOrder() async throws {
        let handoff = StepHandoff(onWanted: {})
        let taken = try await promptly {
            async let consumer: [UInt64] = {
                var taken: [UInt64] = []
                while let step = await handoff.take() {
                    taken.append(WaitingTests.position(step) ?? 0)
                    if taken.count == 500 { handoff.finish() }
                }
                return taken
            }()
            for number in 1...500 as ClosedRange<UInt64> { await handoff.put(WaitingTests.step(number)) }
            return await consumer
        }
        #expect(taken == Array(1...500))
    }

    @Test func theWriterSaysWhenItIsIdle() async throws {
        let wanted = Gate()
        let handoff = StepHandoff(onWanted: { wanted.open() })
        #expect(!handoff.isWanted)
        try await promptly {
            async let step = handoff.take()
            try await wanted.pass()
            #expect(handoff.isWanted)
            await handoff.put(WaitingTests.step(3))
            #expect(WaitingTests.position(await step) == 3)
        }
        #expect(!handoff.isWanted)
    }

    @Test func afterTheEndNothingWaits() async throws {
        let handoff = StepHandoff(onWanted: {})
        await handoff.put(WaitingTests.step(1))
        handoff.finish()
        try await promptly {
            await handoff.put(WaitingTests.step(2))
            await handoff.put(WaitingTests.step(3))
            let nothing = await handoff.take()
            #expect(WaitingTests.position(nothing) == nil)
        }
    }

    // MARK: - Stop

    @Test func aStopCancelsWhatRuns() async throws {
        let (stop, gate) = (StopSignal(), Gate())
        try await promptly {
            async let work: Void = stop.cancelling { try await gate.pass() }
            #expect(await eventually { gate.waiting == 1 })
            stop.stop()
            do {
                try await work
                Issue.record("the work went on")
            } catch is CancellationError {}
        }
        #expect(stop.isStopped)
        await stop.wait()
    }

    @Test func withoutAStopTheResultComesThrough() async throws {
        let stop = StopSignal()
        let value = try await promptly { try await stop.cancelling { 42 } }
        #expect(value == 42 && !stop.isStopped)
        await #expect(throws: Failure.self) {
            try await promptly { try await stop.cancelling { throw Failure(.fenced, "no") } }
        }
    }
}
