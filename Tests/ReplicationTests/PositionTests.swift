import Model
import TestSupport
import Testing

@testable import Replication

/// Which positions may move the checkpoint, and when.
struct PositionTests {
    let table = SampleTable()

    @Test func aKeepaliveMovesTheCheckpointOutsideOfTransactionsOnly() async throws {
        var script = EventScript([table])
        script.begin()
        script.add(.change(table.insert("1", "n", "d")))
        script.keepalive(5000)
        script.add(.change(table.insert("2", "n", "d")))
        script.commit()
        let sink = RecordingSink()
        let harness = StreamHarness(tables: [table], script: script, limits: BatchLimits(operations: 1))
        try await promptly { try await harness.run(into: sink) }
        #expect(sink.batches.map(\.checkpoint.lsn.rawValue) == [1000, 1010])
        #expect(sink.batches.first?.checkpoint.open?.appliedChanges == 1)
    }

    @Test func anOlderKeepaliveIsIgnored() async throws {
        var script = EventScript([table])
        script.transaction([table.insert("1", "n", "d")])
        script.keepalive(1005)
        script.transaction([table.insert("2", "n", "d")])
        let sink = RecordingSink()
        let harness = StreamHarness(tables: [table], script: script)
        try await promptly { try await harness.run(into: sink) }
        let positions = sink.batches.map(\.checkpoint.lsn)
        #expect(positions == positions.sorted() && positions.last == script.end)
    }

    @Test func anIdleKeepaliveIsWrittenAsACheckpointOfItsOwn() async throws {
        var script = EventScript([table])
        script.keepalive(7000)
        let sink = RecordingSink()
        let harness = StreamHarness(tables: [table], script: script)
        try await promptly { try await harness.run(into: sink, until: LSN(rawValue: 7000)) }
        #expect(sink.batches.map(\.checkpoint) == [Checkpoint(lsn: LSN(rawValue: 7000))])
        #expect(sink.batches.allSatisfy { $0.collections.isEmpty })
    }

    /// What is folded but not written goes with the position, never after it.
    @Test func aKeepaliveNeverPassesWhatIsNotApplied() async throws {
        var script = EventScript([table])
        script.transaction([table.insert("1", "n", "d")])
        script.keepalive(9000)
        script.transaction([table.insert("2", "n", "d")])
        script.keepalive(9500)
        let sink = RecordingSink()
        let harness = StreamHarness(tables: [table], script: script, chunk: 1)
        try await promptly { try await harness.run(into: sink, until: LSN(rawValue: 9500)) }
        var applied = 0
        for batch in sink.batches {
            applied += batch.counts.changes
            if batch.checkpoint.lsn >= LSN(rawValue: 9000) { #expect(applied >= 1) }
            if batch.checkpoint.lsn >= LSN(rawValue: 9500) { #expect(applied == 2) }
        }
    }

    /// The checkpoint inside a transaction says what is applied of it; a position must not make it forget that.
    @Test func aKeepaliveBeforeAResumedTransactionIsIgnored() async throws {
        var script = EventScript([table])
        script.keepalive(1005)
        script.transaction([table.insert("1", "n", "d"), table.insert("2", "n", "d")])
        let open = Checkpoint.OpenTransaction(xid: script.xid, commitLSN: script.commitLSN, appliedChanges: 1)
        let sink = RecordingSink(from: Checkpoint(lsn: LSN(rawValue: 1000), open: open))
        let harness = StreamHarness(tables: [table], script: script)
        try await promptly { try await harness.run(into: sink) }
        #expect(sink.batches.map(\.checkpoint) == [Checkpoint(lsn: script.end, commitTime: script.commitTime)])
        #expect(sink.target.collections["t"]?.count == 1)
    }

    /// What the server leaves out by itself may differ after a restart: it is not among those that were applied.
    @Test func changesOfStrangersAreNotCounted() async throws {
        let stranger = SampleTable("stranger", oid: 2)
        var script = EventScript([table, stranger])
        script.begin()
        for key in 1...3 {
            script.add(.change(stranger.insert("\(key)", "n", "d")))
            script.add(.change(table.insert("\(key)", "n", "d")))
        }
        script.commit()
        let sink = RecordingSink()
        var harness = StreamHarness(tables: [table], script: script, limits: BatchLimits(operations: 1))
        harness.successors = [stranger]
        try await promptly { [harness] in try await harness.run(into: sink) }
        #expect(sink.batches.compactMap(\.checkpoint.open?.appliedChanges) == [1, 2])
        #expect(sink.target.collections["t"]?.count == 3)
    }

    /// A version before counted them: what it has begun goes on as it did.
    @Test func aTransactionThatWasBegunWithStrangersCounted() async throws {
        let stranger = SampleTable("stranger", oid: 2)
        var script = EventScript([table, stranger])
        script.begin()
        for key in 1...3 {
            script.add(.change(stranger.insert("\(key)", "n", "d")))
            script.add(.change(table.insert("\(key)", "n", "d")))
        }
        script.commit()
        var open = Checkpoint.OpenTransaction(xid: script.xid, commitLSN: script.commitLSN, appliedChanges: 3)
        open.countsStrangers = true
        script.transaction([stranger.insert("4", "n", "d"), table.insert("4", "n", "d"), table.insert("5", "n", "d")])
        let sink = RecordingSink(from: Checkpoint(lsn: LSN(rawValue: 1000), open: open))
        var harness = StreamHarness(tables: [table], script: script, limits: BatchLimits(operations: 1))
        harness.successors = [stranger]
        try await promptly { [harness] in try await harness.run(into: sink) }
        #expect(sink.batches.compactMap(\.checkpoint.open?.appliedChanges) == [5, 1])
        #expect(sink.batches.compactMap(\.checkpoint.open?.countsStrangers) == [true, false])
        #expect(sink.target.collections["t"]?.count == 4)
    }

    @Test func positionsOnlyMoveForward() {
        let positions = StreamPositions(start: LSN(rawValue: 10))
        positions.receive(LSN(rawValue: 30))
        positions.receive(LSN(rawValue: 20))
        positions.apply(LSN(rawValue: 25))
        positions.apply(LSN(rawValue: 15))
        positions.confirm(LSN(rawValue: 20))
        positions.confirm(LSN(rawValue: 15))
        #expect(positions.received.rawValue == 30 && positions.applied.rawValue == 25)
        #expect(positions.confirmed.rawValue == 20)
    }
}
