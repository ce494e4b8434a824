import BSON
import Model
import TestSupport
import Testing

@testable import Replication

/// What of a batch or a chunk is kept as letters.
@Suite struct HeldKeysTests {
    private let table = SampleTable()
    private let plans: PlanTable
    private let checkpoint = Checkpoint(lsn: LSN(rawValue: 2000), commitTime: SourceTime(microseconds: 7))

    init() throws { plans = try SampleTable.plans([table]) }

    private func batch(_ changes: Change...) throws -> WriteBatch {
        var builder = BatchBuilder()
        for change in changes { try builder.add(change, plans: plans) }
        builder.advance(to: checkpoint, endsTransaction: true)
        let batch = builder.seal()
        return try #require(batch)
    }

    private func key(_ number: Int32) -> BSONDocument { ["_id": .int32(number)] }

    private func held(_ numbers: Int32...) -> HeldKeys {
        var stored = HeldLetters()
        stored.keys = Dictionary(
            uniqueKeysWithValues: numbers.map { (HeldKey(collection: table.collection, key: key($0)), 1) })
        (stored.letters, stored.lastSequence) = (numbers.count, 10)
        return HeldKeys(stored, of: "p")
    }

    private func move(_ from: String, _ to: String, _ doc: Cell = "d") -> Change {
        table.update(old: .key(Cell.row([.text(from), nil, nil])), .text(to), "new", doc)
    }

    /// The keys that are still written.
    private func written(_ batch: WriteBatch) -> [BSONDocument] {
        batch.collections.flatMap { writes in
            writes.writes.map { BSONDocument(unchecked: writes.bytes($0.key)) }
        }
    }

    @Test func changesOfHeldKeysFollowInOrderAndNothingElseWaits() throws {
        var held = held(1)
        var first = try batch(table.update("1", "new", "d"), table.insert("2", "n", "d"), table.delete("3", nil, nil))
        try held.hold(&first)
        #expect(written(first) == [key(2), key(3)])
        #expect(first.letters.map(\.sequence) == [11] && first.letters.map(\.kind) == [.update])
        #expect(first.letters[0].keys == [key(1)] && first.letters[0].table == table.schema.name)
        #expect(first.letters[0].content == .document(["_id": 1, "name": "new", "doc": "d"]))
        #expect(first.letters[0].origin == DeadLetter.Origin(lsn: checkpoint.lsn, commitTime: checkpoint.commitTime))
        var second = try batch(table.delete("1", nil, nil))
        try held.hold(&second)
        #expect(second.letters.map(\.sequence) == [12] && second.letters.map(\.kind) == [.delete])
        #expect(second.letters[0].content == .none && written(second).isEmpty)
        // Once more changes nothing.
        let before = second
        try held.hold(&second)
        #expect(second.letters == before.letters)
    }

    /// Its document is under one of the two, or under none.
    @Test(arguments: ["d", .unchanged] as [Cell]) func aKeyChangeHoldsBothKeys(_ doc: Cell) throws {
        var held = held(1)
        var batch = try batch(move("1", "2", doc), table.insert("1", "other", "d"), table.insert("9", "n", "d"))
        try held.hold(&batch)
        #expect(written(batch) == [key(9)])
        #expect(held.contains(key(2), in: table.collection) && held.contains(key(1), in: table.collection))
        #expect(Set(batch.letters.flatMap(\.keys)) == [key(1), key(2)])
    }

    @Test func aRefusedArrivalLeavesTheOldDocument() throws {
        var held = held()
        var batch = try batch(move("1", "2"), move("3", "4"))
        let writes = try #require(batch.collections.first)
        let position = try #require(
            writes.writes.firstIndex { BSONDocument(unchecked: writes.bytes($0.key)) == key(2) })
        try held.refuse(Failure.Place(collection: table.collection, position: position), of: &batch, because: "no")
        #expect(Set(written(batch)) == [key(3), key(4)])
        #expect(batch.letters.map(\.reason) == ["no", "its key is held back because of another change"])
        #expect(batch.letters[0].keys == [key(2), key(1)])
        #expect(held.contains(key(1), in: table.collection))
    }

    @Test func largeValuesAreNotKept() throws {
        var held = held(1)
        let large = Cell.text(String(repeating: "x", count: DeadLetter.mostBytes))
        var batch = try batch(table.insert("1", "n", large))
        try held.hold(&batch)
        guard case .tooLarge(let bytes) = batch.letters[0].content else {
            Issue.record("\(batch.letters)")
            return
        }
        #expect(bytes > DeadLetter.mostBytes)
    }

    private func chunk(_ keys: [String], retried: [Int32]) throws -> ChunkWrite {
        let part = BackfillTable(
            route: Route(table.schema.name), version: table.version, plan: try plans.plan(for: table.version),
            key: table.keyColumns,
            expectsDocuments: true)
        let documents = part.documents()
        for key in keys { try part.append(Cell.row([.text(key), "n", "d"]), to: documents) }
        let rereads = retried.map { Reread(collection: table.collection, key: key($0), cause: .retry) }
        return ChunkWrite(documents: documents, progress: nil, rereads: [], settled: rereads)
    }

    private func written(_ chunk: ChunkWrite) -> [BSONDocument] {
        chunk.documents.writes.map { BSONDocument(unchecked: chunk.documents.bytes($0.key)) }
    }

    @Test func aChunkWritesHeldRowsOnlyWhereTheyAreRetried() throws {
        var held = held(1, 2)
        var chunk = try chunk(["1", "2", "3"], retried: [2])
        try held.hold(&chunk, at: checkpoint)
        #expect(written(chunk) == [key(2), key(3)] && chunk.released == [key(2)])
        held.settle(chunk)
        #expect(held.contains(key(1), in: table.collection) && !held.contains(key(2), in: table.collection))
    }

    @Test func whatIsRefusedOnceMoreStaysHeld() throws {
        var held = held(1, 2)
        var chunk = try chunk(["1", "2"], retried: [1, 2])
        try held.hold(&chunk, at: checkpoint)
        let place = Failure.Place(collection: table.collection, position: 0)
        try held.refuse(place, of: &chunk, because: "still", at: checkpoint)
        #expect(written(chunk) == [key(2)] && chunk.released == [key(1), key(2)])
        held.settle(chunk)
        #expect(held.contains(key(1), in: table.collection) && !held.contains(key(2), in: table.collection))
        #expect(chunk.letters.map(\.reason) == ["still"] && chunk.letters.map(\.kind) == [.row])
        // Nor does what makes no document.
        var unread = try self.chunk([], retried: [1])
        unread.letters = [
            DeadLetter(
                collection: table.collection, table: nil, keys: [key(1)], kind: .row, reason: "no", content: .none)
        ]
        try held.hold(&unread, at: checkpoint)
        held.settle(unread)
        #expect(held.contains(key(1), in: table.collection))
        #expect(unread.released == [key(1)] && unread.letters[0].sequence > 0 && unread.letters[0].origin != nil)
    }

    /// One letter stays of each, however often they are retried.
    @Test func whatIsRefusedAgainAndAgainDoesNotAddUp() throws {
        var stored = HeldLetters()
        stored.keys = [HeldKey(collection: table.collection, key: key(1)): HeldLetters.most - 1]
        stored.letters = HeldLetters.most - 1
        var held = HeldKeys(stored, of: "p")
        for _ in 1...3 {
            var chunk = try chunk(["1"], retried: [1])
            try held.hold(&chunk, at: checkpoint)
            try held.refuse(
                Failure.Place(collection: table.collection, position: 0), of: &chunk, because: "still", at: checkpoint)
            held.settle(chunk)
        }
        #expect(held.contains(key(1), in: table.collection))
    }

    @Test func moreThanMayBeStopsThePipeline() throws {
        var stored = HeldLetters()
        stored.keys = [HeldKey(collection: table.collection, key: key(1)): HeldLetters.most]
        stored.letters = HeldLetters.most
        var held = HeldKeys(stored, of: "p")
        var batch = try batch(table.update("1", "new", "d"))
        let failure = #expect(throws: Failure.self) { try held.hold(&batch) }
        #expect(failure?.kind == .dataRefused && failure?.hint?.contains("retry --all") == true)
    }

    /// A change that makes no document, with one behind it that would.
    @Test func whatMakesNoDocumentIsKeptWithWhatFollows() async throws {
        let invalid = Cell.bytes([0x61, 0xFF])
        var script = EventScript([table])
        script.transaction([table.insert("1", "n", "d"), table.insert("2", "n", "d")])
        script.transaction([table.update("1", invalid, "d"), table.update("2", "new", "d")])
        script.transaction([table.update("1", "mended", "d")])
        let sink = RecordingSink()
        let harness = StreamHarness(
            tables: [table], script: script, limits: BatchLimits(operations: 2),
            refusals: RefusalPolicies(standard: .deadLetter))
        try await promptly { try await harness.run(into: sink) }
        #expect(
            sink.target.collections["t"].map { Set($0.values) } == [
                ["_id": 1, "name": "n", "doc": "d"], ["_id": 2, "name": "new", "doc": "d"],
            ])
        let letters = sink.batches.flatMap(\.letters)
        #expect(letters.map(\.sequence) == [1, 2] && letters.allSatisfy { $0.keys == [key(1)] })
        #expect(letters[0].reason.contains("column name") && letters[0].origin?.xid == 1020)
        #expect(letters[0].content == .row(["id": 1, "name": .binary(subtype: 0, [0x61, 0xFF]), "doc": "d"]))
        // Without the policy it is the end.
        await #expect(throws: Failure.self) {
            try await StreamHarness(tables: [table], script: script).run(into: RecordingSink())
        }
    }

    /// Behind the delete of its key there would be nothing that a part of the row could change.
    @Test func aRowThatIsRefusedBehindItsDelete() async throws {
        var script = EventScript([table])
        script.transaction([table.insert("1", "n", "d"), table.insert("2", "n", "d")])
        script.transaction([
            table.delete("1", nil, nil), table.insert("1", .bytes([0xFF]), "d"),
            table.update("1", "mended", .unchanged),
            move("1", "7", .unchanged), table.update("2", "new", "d"),
        ])
        let sink = RecordingSink()
        let harness = StreamHarness(
            tables: [table], script: script, refusals: RefusalPolicies(standard: .deadLetter))
        try await promptly { try await harness.run(into: sink) }
        #expect(sink.target.collections["t"].map { Set($0.values) } == [["_id": 2, "name": "new", "doc": "d"]])
        let letters = sink.batches.flatMap(\.letters).sorted { $0.sequence < $1.sequence }
        #expect(letters.suffix(3).map(\.kind) == [.insert, .update, .update])
        #expect(letters.suffix(3).map(\.keys) == [[key(1)], [key(1)], [key(7), key(1)]])
    }

    /// The target says which write it refuses; the rest of the batch is written.
    @Test func whatTheTargetRefusesIsKeptAndTheRestIsWritten() async throws {
        var script = EventScript([table])
        script.transaction([table.insert("1", "n", "d"), table.insert("2", "n", "d"), table.insert("3", "n", "d")])
        let sink = RecordingSink(refuses: [["_id": 2]])
        let harness = StreamHarness(
            tables: [table], script: script, refusals: RefusalPolicies(standard: .deadLetter))
        try await promptly { try await harness.run(into: sink) }
        #expect(sink.target.collections["t"]?.count == 2)
        #expect(sink.batches.flatMap(\.letters).map(\.keys) == [[key(2)]])
    }
}
