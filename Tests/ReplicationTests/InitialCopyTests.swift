import BSON
import Model
import TestSupport
import Testing

@testable import Replication

struct InitialCopyTests {
    let tables = [SampleTable("one", oid: 1), SampleTable("two", oid: 2), SampleTable("three", oid: 3)]

    struct Layout {
        var ranges: [CopyRange] = []
        var rows: [FakeSnapshot.Place: [Row]] = [:]
        var expected: [String: [BSONDocument]] = [:]
    }

    /// Random rows of some tables in random ranges; a range may hold nothing.
    func layout(seed: UInt64, of tables: [SampleTable]) -> Layout {
        var random = SeededGenerator(seed: seed)
        var layout = Layout()
        for table in tables {
            let count = Int.random(in: 1...5, using: &random)
            var next = 0
            for page in 0..<count {
                let cells = (0..<Int.random(in: 0...40, using: &random)).map { offset -> [Cell] in
                    ["\(next + offset)", "n", nil]
                }
                next += cells.count
                let first = page == 0 ? nil : UInt32(page)
                layout.ranges.append(
                    CopyRange(
                        table: table.version, firstPage: first, endPage: page == count - 1 ? nil : UInt32(page + 1),
                        estimatedRows: 10))
                layout.rows[FakeSnapshot.Place(table: table.schema.name, firstPage: first)] = cells.map(Cell.row)
                layout.expected[table.collection, default: []] += cells.map { table.document(of: $0) }
            }
        }
        layout.ranges.shuffle(using: &random)
        return layout
    }

    /// - Parameter ranges: where the sinks' claims are looked up.
    func copy(
        _ snapshot: FakeSnapshot, _ sinks: [FakeCopySink], store: FakeStore = FakeStore(),
        ranges: FakeRanges = FakeRanges(), progress: Progress = Progress(), operations: Int = 5000,
        gate: ThrottleGate = ThrottleGate(BackfillLimits()), states: [TableState]? = nil
    ) throws -> InitialCopy {
        for sink in sinks { sink.use(ranges) }
        let plans = try SampleTable.plans(tables)
        let made = try zip(tables, states ?? tables.map(\.state)).map { table, state in
            (
                state.route,
                CopyWorkers.Table(
                    version: table.version, plan: try plans.plan(for: table.version), wasEmpty: state.wasEmpty)
            )
        }
        let workers = CopyWorkers(
            snapshot: snapshot, sinks: sinks, ranges: ranges,
            copy: SharedCopy(pipeline: "p", epoch: 1, attempt: 3, snapshot: "s", digests: [:]),
            tables: Dictionary(uniqueKeysWithValues: made), limits: BatchLimits(operations: operations),
            refusals: nil,
            gate: gate, tally: CopyTally())
        return InitialCopy(workers: workers, store: store, progress: progress)
    }

    @Test(arguments: [1, 2, 5]) func everyRowIsCopiedOnce(_ workers: Int) async throws {
        for seed in 0..<20 as Range<UInt64> {
            // The third table has no range: it is empty, and finished from the start.
            let layout = layout(seed: seed, of: Array(tables.prefix(2)))
            let (snapshot, store, progress) = (FakeSnapshot(layout.rows), FakeStore(), Progress())
            let sinks = (0..<workers).map { FakeCopySink(UInt8($0)) }
            let copy = try copy(snapshot, sinks, store: store, progress: progress, operations: 15)
            let states = tables.map(\.state)
            try await promptly { try await copy.run(layout.ranges, tables: states) }

            var written: [String: [BSONDocument]] = [:]
            for write in sinks.flatMap(\.writes) {
                written[write.collection, default: []] += write.documents
                #expect(!write.documents.isEmpty && write.ledger == nil)
            }
            for table in tables {
                let (found, expected) = (written[table.collection] ?? [], layout.expected[table.collection] ?? [])
                #expect(found.count == expected.count && Set(found) == Set(expected), "seed \(seed)")
            }
            let counts = tables.map { layout.expected[$0.collection]?.count ?? 0 }
            #expect(progress.snapshot().tables.map(\.copiedRows) == counts)
            #expect(progress.snapshot().tables.allSatisfy { $0.isFinished })
            #expect(store.snapshot.progress.last?.map(\.copiedRows) == counts)
            #expect(store.snapshot.progress.last?.allSatisfy { $0.copyStage == .finished } == true)
            #expect(snapshot.openReaders == 0)
        }
    }

    @Test func aCollectionThatWasNotEmptyGetsALedger() async throws {
        let layout = layout(seed: 4, of: tables)
        let sink = FakeCopySink()
        var states = tables.map(\.state)
        states[1] = TableState(
            table: states[1].table, collection: states[1].collection, keyColumns: states[1].keyColumns, wasEmpty: false)
        let given = states
        let copy = try copy(FakeSnapshot(layout.rows), [sink], states: given)
        try await promptly { try await copy.run(layout.ranges, tables: given) }
        #expect(Set(sink.writes.map(\.collection)) == ["one", "two", "three"])
        for write in sink.writes { #expect(write.ledger == (write.collection == "two" ? 3 : nil)) }
    }

    /// One worker fails while the others wait for rows that never come.
    @Test func aFailingWorkerEndsTheOthers() async throws {
        let layout = layout(seed: 1, of: tables)
        let gate = Gate()
        let last = try #require(layout.ranges.last)
        let others = layout.ranges.count - 1
        let snapshot = FakeSnapshot(layout.rows, gate: gate) { range, _ in
            let isLast = range.table === last.table && range.firstPage == last.firstPage
            return isLast ? Failure(.copyInterrupted, "rewritten") : nil
        }
        let sinks = (0...others).map { FakeCopySink(UInt8($0)) }
        let copy = try copy(snapshot, sinks)
        let states = tables.map(\.state)
        let failure = await #expect(throws: Failure.self) {
            try await promptly { try await copy.run(layout.ranges, tables: states) }
        }
        #expect(failure?.kind == .copyInterrupted)
        #expect(snapshot.openReaders == 0)
        #expect(gate.waiting == 0)
    }

    @Test func aFailingWriterEndsTheCopy() async throws {
        let layout = layout(seed: 1, of: tables)
        let snapshot = FakeSnapshot(layout.rows)
        let sinks = [FakeCopySink(1, failure: Failure(.fenced, "taken over"))]
        let copy = try copy(snapshot, sinks)
        let states = tables.map(\.state)
        let failure = await #expect(throws: Failure.self) {
            try await promptly { try await copy.run(layout.ranges, tables: states) }
        }
        #expect(failure?.kind == .fenced)
        #expect(snapshot.openReaders == 0)
    }

    @Test func progressThatCannotBeStoredHarmsNothing() async throws {
        let layout = layout(seed: 2, of: tables)
        let (store, sink) = (FakeStore(), FakeCopySink())
        store.change { $0.failures["saveProgress"] = [Failure(.targetInterrupted, "away")] }
        let copy = try copy(FakeSnapshot(layout.rows), [sink], store: store)
        let states = tables.map(\.state)
        // Only the last word has to be written; this test can't tell which of the two calls the failure meets.
        do {
            try await promptly { try await copy.run(layout.ranges, tables: states) }
        } catch let failure as Failure {
            #expect(failure.kind == .targetInterrupted)
        }
        #expect(sink.writes.map(\.documents.count).reduce(0, +) == layout.expected.values.map(\.count).reduce(0, +))
    }

    /// Another program has a range, and leaves it: the leader waits, and takes it over.
    @Test func whatAnotherLeavesIsTakenOver() async throws {
        let layout = layout(seed: 5, of: tables)
        let (ranges, sink) = (FakeRanges(), FakeCopySink(1))
        let gate = Gate()
        let copy = try copy(FakeSnapshot(layout.rows, gate: gate), [sink], ranges: ranges)
        let states = tables.map(\.state)
        async let end: Void = promptly { try await copy.run(layout.ranges, tables: states) }
        #expect(await eventually { ranges.claimed == 1 })
        let other = SessionID(bytes: [UInt8](repeating: 9, count: 16))
        let theirs = try #require(try await ranges.claim(in: copy.workers.copy, for: other))
        #expect(ranges.hold(theirs, adding: 1))
        gate.open()
        #expect(await eventually { ranges.open == 1 })
        ranges.expire()
        try await end
        #expect(ranges.open == 0 && !ranges.hold(theirs, adding: 1))
        let written = sink.writes.reduce(0) { $0 + $1.documents.count }
        #expect(written == layout.expected.values.map(\.count).reduce(0, +))
    }

    /// A worker that was frozen for longer than its lease gives its range up and goes on with another.
    @Test func aLostRangeIsGivenUp() async throws {
        let layout = layout(seed: 6, of: tables)
        let (ranges, sink, gate) = (FakeRanges(), FakeCopySink(1), Gate())
        let snapshot = FakeSnapshot(layout.rows, gate: gate)
        let copy = try copy(snapshot, [sink], ranges: ranges)
        let states = tables.map(\.state)
        async let end: Void = promptly { try await copy.run(layout.ranges, tables: states) }
        #expect(await eventually { gate.waiting == 1 })
        ranges.expire()
        let other = SessionID(bytes: [UInt8](repeating: 9, count: 16))
        var theirs: [RangeClaim] = []
        while let claim = try await ranges.claim(in: copy.workers.copy, for: other) {
            theirs.append(claim)
            try await ranges.finish(claim)
        }
        #expect(theirs.count == layout.ranges.count)
        gate.open()
        try await end
        #expect(sink.writes.isEmpty && snapshot.openReaders == 0)
    }

    @Test func progressIsEverybodys() {
        let states = tables.map(\.state)
        let shared = [
            SharedTableProgress(route: states[0].route, estimatedRows: 9, rows: 4, ranges: 3, openRanges: 1),
            SharedTableProgress(route: states[1].route, estimatedRows: 5, rows: 0, ranges: 1, openRanges: 1),
        ]
        let applied = shared.applied(to: states)
        #expect(applied.map(\.copyStage) == [.copying, .waiting, .finished])
        #expect(applied.map(\.copiedRows) == [4, 0, 0] && applied.map(\.estimatedRows) == [9, 5, 0])
    }

    /// Several workers together keep to the rate.
    @Test func theRateIsKept() async throws {
        let table = tables[0]
        let rows = (0..<60).map { Cell.row(["\($0)", "n", nil]) }
        let range = CopyRange(table: table.version, firstPage: nil, endPage: nil, estimatedRows: 60)
        let snapshot = FakeSnapshot([FakeSnapshot.Place(table: table.schema.name, firstPage: nil): rows])
        let gate = ThrottleGate(BackfillLimits([.rowsPerSecond: .at(40)]))
        let copy = try copy(snapshot, [FakeCopySink(1), FakeCopySink(2)], gate: gate)
        let begin = ContinuousClock.now
        try await copy.run([range], tables: [table.state])
        // The last rows are read once all before them have had their time; at most 42 rows are read at once.
        #expect(.now - begin >= .milliseconds(1000))
    }

    /// What is set while it runs applies to it.
    @Test func aLimitThatIsLiftedHoldsNothingUp() async throws {
        let table = tables[0]
        let rows = (0..<60).map { Cell.row(["\($0)", "n", nil]) }
        let range = CopyRange(table: table.version, firstPage: nil, endPage: nil, estimatedRows: 60)
        let snapshot = FakeSnapshot([FakeSnapshot.Place(table: table.schema.name, firstPage: nil): rows])
        let (store, sink) = (FakeStore(), FakeCopySink(1))
        let limits = BackfillLimits([.rowsPerSecond: .at(1)])
        store.change { $0.limits = limits }
        let copy = try copy(snapshot, [sink], store: store, gate: ThrottleGate(BackfillLimits(), set: limits))
        let running = Task { try await copy.run([range], tables: [table.state]) }
        #expect(await eventually { !sink.writes.isEmpty })
        store.change { $0.limits = BackfillLimits() }
        try await promptly(within: .seconds(30)) { try await running.value }
        #expect(sink.writes.reduce(0) { $0 + $1.documents.count } == 60)
    }
}
