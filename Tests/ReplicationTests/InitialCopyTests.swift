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

    func copy(
        _ snapshot: FakeSnapshot, _ sinks: [FakeCopySink], store: FakeStore = FakeStore(),
        progress: Progress = Progress(),
        operations: Int = 5000, gate: ThrottleGate = ThrottleGate(BackfillLimits())
    ) throws -> InitialCopy {
        InitialCopy(
            snapshot: snapshot, sinks: sinks, store: store, pipeline: "p", attempt: 3,
            plans: try SampleTable.plans(tables), limits: BatchLimits(operations: operations), gate: gate,
            progress: progress)
    }

    @Test(arguments: [1, 2, 5]) func everyRowIsCopiedOnce(_ workers: Int) async throws {
        for seed in 0..<20 as Range<UInt64> {
            // The third table has no range: it is empty, and finished from the start.
            let layout = layout(seed: seed, of: Array(tables.prefix(2)))
            let (snapshot, store, progress) = (FakeSnapshot(layout.rows), FakeStore(), Progress())
            let sinks = (0..<workers).map { FakeCopySink(UInt8($0)) }
            let copy = try copy(snapshot, sinks, store: store, progress: progress, operations: 15)
            let states = tables.map(\.state)
            try await promptly { try await copy.run(CopyBoard(layout.ranges, tables: states)) }

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
        let copy = try copy(FakeSnapshot(layout.rows), [sink])
        var states = tables.map(\.state)
        states[1] = TableState(
            table: states[1].table, collection: states[1].collection, keyColumns: states[1].keyColumns, wasEmpty: false)
        let given = states
        try await promptly { try await copy.run(CopyBoard(layout.ranges, tables: given)) }
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
            try await promptly { try await copy.run(CopyBoard(layout.ranges, tables: states)) }
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
            try await promptly { try await copy.run(CopyBoard(layout.ranges, tables: states)) }
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
            try await promptly { try await copy.run(CopyBoard(layout.ranges, tables: states)) }
        } catch let failure as Failure {
            #expect(failure.kind == .targetInterrupted)
        }
        #expect(sink.writes.map(\.documents.count).reduce(0, +) == layout.expected.values.map(\.count).reduce(0, +))
    }

    @Test func theBoardKnowsHowFarEachTableIs() throws {
        let ranges = [0, 1, 0].map { index in
            CopyRange(table: tables[index].version, firstPage: nil, endPage: nil, estimatedRows: 5)
        }
        var states = tables.map(\.state)
        states[0].copiedRows = 99
        let board = CopyBoard(ranges, tables: states)
        #expect(board.tables.map(\.copyStage) == [.waiting, .waiting, .finished])
        #expect(board.tables.map(\.estimatedRows) == [10, 5, 0])
        #expect(board.tables.map(\.copiedRows) == [0, 0, 0])
        let first = try #require(board.next())
        #expect(board.tables.map(\.copyStage) == [.copying, .waiting, .finished])
        board.add(7, to: tables[0].schema.name)
        board.finish(first)
        #expect(board.tables[0].copyStage == .copying && board.tables[0].copiedRows == 7)
        _ = board.next()
        #expect(!board.isDrained)
        board.finish(try #require(board.next()))
        #expect(board.isDrained && board.next().map(\.estimatedRows) == nil)
        #expect(board.tables.map(\.copyStage) == [.finished, .copying, .finished])
        #expect(board.wasEmpty(tables[0].schema.name))
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
        try await copy.run(CopyBoard([range], tables: [table.state]))
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
        let running = Task { try await copy.run(CopyBoard([range], tables: [table.state])) }
        #expect(await eventually { !sink.writes.isEmpty })
        store.change { $0.limits = BackfillLimits() }
        try await promptly(within: .seconds(30)) { try await running.value }
        #expect(sink.writes.reduce(0) { $0 + $1.documents.count } == 60)
    }
}
