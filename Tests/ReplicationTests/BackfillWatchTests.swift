import Logging
import Model
import TestSupport
import Testing

@testable import Replication

/// The one that measures, follows what is set, and tells why nothing is read.
struct BackfillWatchTests {
    private let fixture = PipelineFixture()
    private let inbox: ChunkInbox
    private let gate: ThrottleGate

    init() {
        inbox = ChunkInbox(
            run: "r", snapshot: VisibilitySnapshot(xmin: 100, xmax: 120, running: [100, 110]), fence: nil,
            progress: fixture.progress)
        gate = ThrottleGate(BackfillLimits([.lag: .at(60_000)]))
    }

    private var watch: BackfillWatch {
        BackfillWatch(
            pipeline: "p", epoch: 7, ports: fixture.ports, gate: gate, inbox: inbox,
            tablesWaiting: { [] }, progress: fixture.progress, interval: .milliseconds(5), logger: fixture.logger)
    }

    /// The stream has a transaction of so long ago, and there is more.
    private func lag(seconds: Int64) {
        fixture.source.change {
            $0.load = SourceLoad(clock: .init(microseconds: seconds * 1_000_000), replicaLag: nil, hidesReplicas: false)
        }
        fixture.progress.update {
            ($0.applied, $0.sourceEnd) = (LSN(rawValue: 10), LSN(rawValue: 20))
            $0.appliedCommitTime = SourceTime(microseconds: 0)
        }
    }

    private func running(_ body: (BackfillWatch) async throws -> Void) async throws {
        let watch = watch
        let task = Task { try await watch.run() }
        defer { task.cancel() }
        try await body(watch)
    }

    private var notes: [WorkerNote] { fixture.store.snapshot.workerNotes }

    @Test func aPauseIsToldAndItsEnd() async throws {
        lag(seconds: 75)
        try await running { watch in
            #expect(await eventually { !notes.isEmpty })
            let told = try #require(fixture.progress.snapshot().backfillWaiting)
            #expect(
                told.reason == "the backfill pauses: the stream is 75 s behind, the limit is 60 s (backfill.max_lag)")
            #expect(notes.map(\.epoch) == [7] && notes[0].waiting?.reason == told.reason)
            // Measured again and again, and told once.
            let count = fixture.source.count("load")
            #expect(await eventually { fixture.source.count("load") >= count + 2 })
            #expect(notes.count == 1)
            // The same pause with other numbers began when it did.
            lag(seconds: 90)
            #expect(await eventually { notes.count == 2 })
            #expect(notes[1].waiting?.since == notes[0].waiting?.since && notes[1].waiting != notes[0].waiting)
            fixture.progress.update { $0.applied = $0.sourceEnd }
            #expect(await eventually { notes.last == WorkerNote(epoch: 7, waiting: nil) })
            #expect(fixture.progress.snapshot().backfillWaiting == nil)
        }
    }

    @Test func whatIsSetIsFollowed() async throws {
        lag(seconds: 75)
        try await running { _ in
            #expect(await eventually { gate.waiting != nil })
            fixture.store.change { $0.limits = BackfillLimits([.lag: .unlimited, .rowsPerSecond: .at(3)]) }
            #expect(await eventually { gate.waiting == nil })
            #expect(gate.limit(100) == 3)
            fixture.store.change { $0.limits = BackfillLimits() }
            #expect(await eventually { gate.waiting != nil && gate.limit(100) == 100 })
        }
    }

    /// A server that doesn't answer for a moment ends nothing, and decides nothing.
    @Test func whatCantBeAskedIsAskedAgain() async throws {
        lag(seconds: 75)
        let failure = Failure(.sourceInterrupted, "gone")
        try await running { _ in
            #expect(await eventually { gate.waiting != nil })
            fixture.source.change { $0.failures["load"] = [failure, failure] }
            fixture.store.change {
                $0.failures["limits"] = [failure]
                $0.failures["leave"] = [failure, failure]
            }
            let count = fixture.source.count("load")
            #expect(await eventually { fixture.source.count("load") >= count + 2 })
            #expect(gate.waiting != nil)
            fixture.progress.update { $0.applied = $0.sourceEnd }
            // What could not be noted is noted later.
            #expect(await eventually { gate.waiting == nil && notes.last == WorkerNote(epoch: 7, waiting: nil) })
            #expect(fixture.store.snapshot.failures["leave"] == [])
        }
    }

    @Test func theEndIsTold() async throws {
        lag(seconds: 75)
        try await running { watch in
            #expect(await eventually { notes.count == 1 })
            await watch.end()
            #expect(notes.last == WorkerNote(epoch: 7, waiting: nil))
        }
    }

    @Test func whoAFenceWaitsForIsNamed() async throws {
        fixture.source.change {
            $0.running = [RunningTransaction(xid: 110, summary: "pid 4711 (psql, role shop) for 75 s")]
        }
        inbox.discardAll(until: VisibilityFence(ids: [110]))
        try await running { _ in
            #expect(await eventually { !notes.isEmpty })
            #expect(notes[0].waiting?.reason.hasSuffix(": pid 4711 (psql, role shop) for 75 s") == true)
            #expect(inbox.announce() == nil)
            inbox.note(VisibilitySnapshot(xmin: 120, xmax: 120, running: []))
            #expect(await eventually { notes.last?.waiting == nil })
            #expect(inbox.announce() != nil)
        }
    }

    // MARK: - Fences

    private let newest = VisibilitySnapshot(xmin: (5 << 32) + 100, xmax: (5 << 32) + 200, running: [])

    private func reason(_ fence: VisibilityFence, _ xids: [UInt32]) -> String {
        let running = xids.map { RunningTransaction(xid: $0, summary: "pid \($0)") }
        return FenceReason.text(fence, running: running, newest: newest)
    }

    @Test func onlyThoseWaitedForAreNamedTheOldestFirst() {
        let begun = "the backfill waits for transactions of the source that were running when it began"
        #expect(reason(VisibilityFence(floor: (5 << 32) + 150), [149, 150, 120, 151]) == "\(begun): pid 120, pid 149")
        #expect(reason(VisibilityFence(floor: (5 << 32) + 150), [150]) == begun)
        #expect(
            reason(VisibilityFence(floor: (5 << 32) + 150), [105, 104, 103, 102, 101])
                == "\(begun): pid 101, pid 102, pid 103 and 2 more")
        let brought =
            "the backfill waits for transactions that the stream has brought and the source's snapshots don't see yet"
        #expect(reason(VisibilityFence(ids: [(5 << 32) + 130]), [129, 130]) == "\(brought): pid 130")
        // The same lower half of an id is another transaction.
        #expect(reason(VisibilityFence(ids: [130]), [130]) == brought)
    }
}
