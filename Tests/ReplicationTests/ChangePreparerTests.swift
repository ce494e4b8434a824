import BSON
import Model
import TestSupport
import Testing

@testable import Replication

/// How transactions become batches.
struct ChangePreparerTests {
    let table = SampleTable()
    let start = Checkpoint(lsn: LSN(rawValue: 1000))

    func inserts(_ ids: Range<Int>) -> [Change] { ids.map { table.insert("\($0)", "n", "d") } }

    func run(
        _ script: EventScript, limits: BatchLimits = BatchLimits(), from checkpoint: Checkpoint? = nil,
        tables: [SampleTable]? = nil, sink: RecordingSink? = nil
    ) async throws -> RecordingSink {
        let sink = sink ?? RecordingSink(from: checkpoint ?? start)
        let harness = StreamHarness(tables: tables ?? [table], script: script, limits: limits)
        try await promptly { try await harness.run(into: sink, from: checkpoint ?? start) }
        return sink
    }

    @Test func transactionsThatFitStayWhole() async throws {
        var script = EventScript([table])
        for number in 0..<10 { script.transaction(inserts(number * 40..<number * 40 + 40)) }
        let sink = try await run(script, limits: BatchLimits(operations: 100))
        #expect(sink.batches.allSatisfy { $0.checkpoint.open == nil && $0.counts.changes.isMultiple(of: 40) })
        #expect(sink.batches.allSatisfy { $0.counts.changes <= 100 })
        #expect(sink.batches.map(\.counts.transactions).reduce(0, +) == 10)
        #expect(sink.checkpoint == Checkpoint(lsn: script.end, commitTime: script.commitTime))
    }

    @Test func aTransactionAsLargeAsABatchStaysWhole() async throws {
        var script = EventScript([table])
        script.transaction(inserts(0..<100))
        let sink = try await run(script, limits: BatchLimits(operations: 100))
        #expect(sink.batches.map(\.counts.changes) == [100])
        #expect(sink.batches.first?.checkpoint.open == nil)
    }

    @Test func aLargerOneIsSplit() async throws {
        var script = EventScript([table])
        script.transaction(inserts(0..<3))
        script.transaction(inserts(3..<28))
        let sink = try await run(script, limits: BatchLimits(operations: 10))
        let open = sink.batches.compactMap(\.checkpoint.open)
        #expect(open.map(\.appliedChanges) == [10, 20])
        #expect(open.allSatisfy { $0.xid == script.xid && $0.commitLSN == script.commitLSN })
        #expect(sink.batches.map(\.counts.startsSplitTransaction) == [false, true, false, false])
        #expect(sink.batches.map(\.checkpoint.lsn.rawValue) == [1010, 1010, 1010, 1020])
        #expect(sink.batches.map(\.counts.changes) == [3, 10, 10, 5])
        #expect(sink.batches.map(\.counts.transactions) == [1, 0, 0, 1])
    }

    @Test func bytesSplitTooButOneChangeMayBeLarger() async throws {
        let wide = String(repeating: "w", count: 2000)
        var script = EventScript([table])
        script.transaction((0..<6).map { table.insert("\($0)", "n", .text(wide)) })
        let pairs = try await run(script, limits: BatchLimits(bytes: 5000))
        #expect(pairs.batches.map(\.counts.changes) == [2, 2, 2])
        let single = try await run(script, limits: BatchLimits(bytes: 100))
        #expect(single.batches.map(\.counts.changes) == [1, 1, 1, 1, 1, 1])
        #expect(single.target == pairs.target)
    }

    @Test func aTruncationIsABarrier() async throws {
        let other = SampleTable("other", oid: 2)
        var script = EventScript([table, other])
        script.transaction(inserts(0..<2))
        script.transaction(
            inserts(2..<4) + [.truncate([other.version, table.version, table.version])] + inserts(4..<5))
        script.transaction(inserts(5..<6))
        let sink = try await run(script, tables: [table, other])
        #expect(sink.target.collections["t"]?.count == 2)
        guard let at = sink.steps.firstIndex(where: { if case .truncate = $0 { true } else { false } }),
            case .truncate(let collections, let checkpoint) = sink.steps[at]
        else {
            Issue.record("nothing was truncated")
            return
        }
        #expect(collections == ["other", "t"])
        #expect(checkpoint.lsn == LSN(rawValue: 1010) && checkpoint.open?.appliedChanges == 2)
        let before = sink.steps[..<at].compactMap { if case .batch(let batch) = $0 { batch } else { nil } }
        #expect(before.map(\.counts.changes).reduce(0, +) == 4)
        #expect(sink.batches.map(\.counts.changes).reduce(0, +) == 6)
    }

    /// ALTER TABLE between two changes of one transaction, the first of which still waits for its commit.
    @Test func aTableMayChangeInsideATransaction() async throws {
        let wider = SampleTable(oid: 1, columns: ["id", "name", "doc", "added.later"])
        var script = EventScript([table])
        script.begin()
        script.add(.change(table.insert("1", "n", "d")))
        script.add(.relation(wider.relation))
        script.add(.change(wider.insert("2", "n", "d", "x")))
        script.add(.change(wider.update("1", "n", .unchanged, "y")))
        script.commit()
        let sink = RecordingSink()
        let harness = StreamHarness(tables: [table], script: script, successors: [wider])
        try await promptly { try await harness.run(into: sink) }
        #expect(
            sink.target.collections["t"].map { Set($0.values) } == [
                ["_id": 1, "name": "n", "doc": "d", "added.later": "y"],
                ["_id": 2, "name": "n", "doc": "d", "added.later": "x"],
            ])
        #expect(sink.batches.allSatisfy { $0.collections.allSatisfy(\.hasSpecialNames) })
    }

    @Test func anotherTransactionAfterASplitIsAGap() async throws {
        var script = EventScript([table])
        script.transaction(inserts(0..<3))
        let resumed = [
            Checkpoint.OpenTransaction(xid: script.xid &+ 1, commitLSN: script.commitLSN, appliedChanges: 1),
            Checkpoint.OpenTransaction(xid: script.xid, commitLSN: script.end, appliedChanges: 1),
        ]
        for open in resumed {
            let failure = await #expect(throws: Failure.self) {
                _ = try await run(script, from: Checkpoint(lsn: LSN(rawValue: 1000), open: open))
            }
            #expect(failure?.kind == .dataGap && failure?.hint != nil)
        }
    }

    @Test func aTransactionShorterThanWhatIsAppliedIsRefused() async throws {
        var script = EventScript([table])
        script.transaction(inserts(0..<3))
        let open = Checkpoint.OpenTransaction(xid: script.xid, commitLSN: script.commitLSN, appliedChanges: 4)
        await #expect(throws: Failure.self) {
            _ = try await run(script, from: Checkpoint(lsn: LSN(rawValue: 1000), open: open))
        }
    }

    @Test(arguments: 0..<4) func refusesAStreamWithoutSense(_ number: Int) async throws {
        var script = EventScript([table])
        switch number {
        case 0: script.add(.change(table.insert("1", "n", "d")))
        case 1: script.commit()
        case 2:
            script.begin()
            script.begin()
        default:
            script.begin()
            script.add(.commit(TransactionEnd(commitLSN: .zero, endLSN: script.end, commitTime: script.commitTime)))
        }
        // Something behind it: with an end that is its beginning the run would be over before it looks.
        script.transaction(inserts(0..<1))
        let failure = await #expect(throws: Failure.self) { _ = try await run(script) }
        #expect(failure?.kind == .unexpected)
    }

    @Test func aFailingTargetEndsTheRunWithItsFailure() async throws {
        var script = EventScript([table])
        for number in 0..<50 { script.transaction(inserts(number..<number + 1)) }
        let sink = RecordingSink { $0 == 2 ? Failure(.dataRefused, "too large") : nil }
        let failure = await #expect(throws: Failure.self) {
            _ = try await run(script, limits: BatchLimits(operations: 20), sink: sink)
        }
        #expect(failure?.kind == .dataRefused)
        #expect(sink.batches.count == 1)
    }
}
