import BSON
import Model
import Synchronization
import Testing

@testable import Replication

/// What of a chunk is written at its place in the stream.
@Suite struct ChunkFilterTests {
    private let table = SampleTable()
    private let plans: PlanTable
    private let progress = Progress()
    /// Transaction 10 is running, everything before is visible.
    private let before10 = VisibilitySnapshot(xmin: 10, xmax: 11, running: [10])
    private let after10 = VisibilitySnapshot(xmin: 11, xmax: 11, running: [])

    init() throws { plans = try SampleTable.plans([table]) }

    private func inbox(_ snapshot: VisibilitySnapshot, fence: VisibilityFence? = nil) -> ChunkInbox {
        ChunkInbox(run: "run", snapshot: snapshot, fence: fence, progress: progress)
    }

    private func filter(_ inbox: ChunkInbox, byteLimit: Int = 1 << 20) -> ChunkFilter {
        ChunkFilter(
            unfinished: [CollectionPart(table.collection)], pending: PendingRereads([]), inbox: inbox, fence: nil,
            byteLimit: byteLimit, progress: progress)
    }

    private func chunk(_ keys: [String], _ snapshot: VisibilitySnapshot, rereads: [Reread] = []) throws -> Chunk {
        let part = BackfillTable(
            route: Route(table.schema.name), version: table.version, plan: try plans.plan(for: table.version),
            key: table.keyColumns,
            expectsDocuments: false)
        let documents = part.documents()
        for key in keys { try part.append(Cell.row([.text(key), "n", "d"]), to: documents) }
        return Chunk(documents: documents, snapshot: snapshot, progress: nil, rereads: rereads) { _ in }
    }

    private func reread(_ key: String) -> Reread {
        Reread(collection: table.collection, key: table.key(of: [.text(key)]))
    }

    /// The keys that are written.
    private func keys(_ admitted: AdmittedChunk?) throws -> [BSONDocument] {
        let documents = try #require(admitted).write.documents
        return documents.writes.map { BSONDocument(unchecked: documents.bytes($0.key)) }
    }

    /// A key without a row under an old snapshot may have one by now.
    @Test func keysThatTheSnapshotIsTooOldForAreNotRemoved() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        let token = try #require(inbox.announce())
        #expect(inbox.note(before10, for: token))
        let part = BackfillTable(
            route: Route(table.schema.name), version: table.version, plan: try plans.plan(for: table.version),
            key: table.keyColumns,
            expectsDocuments: true)
        let deletes = part.documents()
        for key in ["1", "2", "3"] { try part.appendDelete(of: [key], begun: SourceTime(microseconds: 0), to: deletes) }
        let step = SweepStep(route: Route(table.schema.name), position: ["_id": 3], isDone: false, foreign: 0)
        inbox.deliver(
            .chunk(
                Chunk(documents: deletes, snapshot: before10, progress: nil, sweep: step, rereads: []) { _ in }),
            as: token)
        _ = try filter.record([table.insert("2", "new", "new")], of: 10, plans: plans)
        let admitted = filter.admit(token)?.chunk
        #expect(try keys(admitted) == [table.key(of: ["1"]), table.key(of: ["3"])])
        #expect(admitted?.write.sweep == step && admitted?.write.rereads == [])
    }

    @Test func rowsThatTheSnapshotIsTooOldForAreLeftOut() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        let token = try #require(inbox.announce())
        #expect(inbox.note(before10, for: token))
        inbox.deliver(.chunk(try chunk(["1", "2", "3", "4", "5", "6"], before10)), as: token)
        let moved = OldRow.key(Cell.row(["4", nil, nil]))
        let recorded = try filter.record(
            [
                table.update("1", "new", "new"), table.update("2", "new", .unchanged), table.delete("3", nil, nil),
                table.update(old: moved, "5", "new", .unchanged),
            ], of: 10, plans: plans)
        // A move that leaves a value out may find nothing to move.
        #expect(recorded.rereads == [reread("5")] && recorded.readAgain == [])
        let admitted = filter.admit(token)?.chunk
        #expect(try keys(admitted) == [table.key(of: ["6"])])
        #expect(Set(admitted?.write.rereads ?? []) == [reread("2"), reread("5")])
        #expect(filter.admit(token)?.chunk == nil)
        var counts = BackfillCounts()
        (counts.rowsStale, counts.rowsReadAgain, counts.keysMoved) = (3, 2, 1)
        #expect(progress.snapshot().backfill == counts)
    }

    @Test func aChunkBehindTheStreamIsCounted() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        _ = try filter.record([table.update("1", "new", "new")], of: 10, plans: plans)
        #expect(filter.currentFence()?.ids == [10])
        let tokens = [try #require(inbox.announce()), try #require(inbox.announce())]
        #expect(inbox.note(before10, for: tokens[0]))
        #expect(progress.snapshot().backfill.chunksBehind == 1)
        #expect(inbox.note(after10, for: tokens[1]))
        #expect(progress.snapshot().backfill.chunksBehind == 1)
    }

    /// Nothing of it is worth keeping: rows are read again a few at a time, and each is remembered until then.
    @Test func aChunkOfWhichTooManyRowsHaveChangedInPartIsReadAgainInSmallerParts() throws {
        for (count, isOutdated) in [(ChunkFilter.mostRereads, false), (ChunkFilter.mostRereads + 1, true)] {
            let inbox = inbox(before10)
            var filter = filter(inbox)
            let keys = (1...count).map { "\($0)" }
            _ = try filter.record(keys.map { table.update(.text($0), "new", .unchanged) }, of: 10, plans: plans)
            let token = try #require(inbox.announce())
            #expect(inbox.note(before10, for: token))
            let outdated = Mutex(false)
            let step = BackfillStep(
                route: Route(table.schema.name), segment: 0, position: nil, isDone: true, rows: count)
            inbox.deliver(
                .chunk(
                    Chunk(
                        documents: try chunk(keys, before10).documents, snapshot: before10, progress: step, rereads: []
                    ) { outcome in if case .outdated = outcome { outdated.withLock { $0 = true } } }), as: token)
            #expect((filter.admit(token)?.chunk == nil) == isOutdated)
            #expect(outdated.withLock { $0 } == isOutdated)
        }
    }

    @Test func aSnapshotThatSeesTheTransactionHasTheNewRow() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        _ = try filter.record([table.update("1", "new", "new")], of: 10, plans: plans)
        let token = try #require(inbox.announce())
        #expect(inbox.note(after10, for: token))
        inbox.deliver(.chunk(try chunk(["1"], after10)), as: token)
        #expect(try keys(filter.admit(token)?.chunk) == [table.key(of: ["1"])])
    }

    /// Two readers tell of their snapshots in another order than they took them.
    @Test func theOlderSnapshotStaysTheFloor() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        let (older, newer) = (try #require(inbox.announce()), try #require(inbox.announce()))
        #expect(inbox.note(after10, for: newer))
        #expect(inbox.note(before10, for: older))
        #expect(inbox.horizon.newest.sees(10) && !inbox.horizon.floor.sees(10))
        _ = try filter.record([table.update("1", "new", "new")], of: 10, plans: plans)
        inbox.deliver(.chunk(try chunk(["1"], before10)), as: older)
        #expect(try keys(filter.admit(older)?.chunk) == [])
    }

    @Test func aTruncationLeavesNothing() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        let token = try #require(inbox.announce())
        #expect(inbox.note(before10, for: token))
        inbox.deliver(.chunk(try chunk(["1", "2"], before10)), as: token)
        filter.recordTruncation(of: [CollectionPart(table.collection)], by: 10)
        #expect(try keys(filter.admit(token)?.chunk) == [])
    }

    /// What is applied and not seen by a snapshot goes into the checkpoint, until one sees it.
    @Test func theFenceOfTheCheckpoint() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        _ = try filter.record([], of: 9, plans: plans)
        #expect(filter.currentFence() == nil)
        _ = try filter.record([], of: 10, plans: plans)
        #expect(filter.currentFence() == VisibilityFence(ids: [10]))
        inbox.note(after10)
        #expect(filter.currentFence() == nil)
    }

    @Test func noChunkBeginsBeforeTheFenceIsPassed() {
        let inbox = inbox(before10, fence: VisibilityFence(ids: [10]))
        #expect(inbox.announce() == nil)
        inbox.note(before10)
        #expect(inbox.announce() == nil)
        inbox.note(after10)
        #expect(inbox.announce() != nil)
    }

    /// What was running when the slot was made has an id below the floor.
    @Test func noChunkBeginsBeforeEverythingBelowTheFloorIsOver() {
        let inbox = inbox(before10, fence: VisibilityFence(floor: 11))
        #expect(inbox.announce() == nil)
        // Another one, which is newer, is no reason to wait.
        inbox.note(VisibilitySnapshot(xmin: 10, xmax: 13, running: [10, 12]))
        #expect(inbox.announce() == nil)
        inbox.note(VisibilitySnapshot(xmin: 12, xmax: 13, running: [12]))
        #expect(inbox.announce() != nil)
    }

    /// The log is at its limit while the backfill still waits to begin.
    @Test func discardingKeepsTheFenceThatStands() {
        let inbox = inbox(before10, fence: VisibilityFence(floor: 11))
        inbox.discardAll(until: VisibilityFence(ids: [11]))
        inbox.note(VisibilitySnapshot(xmin: 10, xmax: 13, running: [10]))
        #expect(inbox.announce() == nil)
        inbox.note(VisibilitySnapshot(xmin: 13, xmax: 13, running: []))
        #expect(inbox.announce() != nil)
    }

    @Test func atItsLimitEverythingUnderWayIsDiscarded() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox, byteLimit: 1)
        let token = try #require(inbox.announce())
        #expect(inbox.note(before10, for: token))
        let settled = Mutex<[String]>([])
        let chunk = try chunk(["1"], before10)
        inbox.deliver(
            .chunk(
                Chunk(documents: chunk.documents, snapshot: before10, progress: nil, rereads: []) { outcome in
                    settled.withLock { $0.append("\(outcome)") }
                }), as: token)
        _ = try filter.record([table.insert("7", "n", "d")], of: 10, plans: plans)
        #expect(settled.withLock { $0 } == ["discarded"])
        #expect(progress.snapshot().backfill.touchLogCleared == 1)
        #expect(filter.admit(token)?.chunk == nil)
        // What was forgotten has to be seen by whoever reads again.
        #expect(inbox.announce() == nil)
        inbox.note(after10)
        #expect(inbox.announce() != nil)
    }

    /// The row came to its key after the snapshot: that it isn't in the chunk says nothing.
    @Test func aRowReadAgainTooEarlyStaysToBeRead() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        _ = try filter.record(
            [table.update(old: .key(Cell.row(["4", nil, nil])), "5", "new", .unchanged)], of: 10, plans: plans)
        for (snapshot, isSettled) in [(before10, false), (after10, true)] {
            let token = try #require(inbox.announce())
            #expect(inbox.note(snapshot, for: token))
            inbox.deliver(.chunk(try chunk([], snapshot, rereads: [reread("5")])), as: token)
            let admitted = filter.admit(token)?.chunk
            #expect(admitted?.write.settled == [reread("5")])
            #expect(admitted?.write.rereads == (isSettled ? [] : [reread("5")]))
        }
    }

    /// From then on a moved document is there to be moved, unless it comes from a row that has still to be read again.
    @Test func onceEveryRowIsThereOnlyWhatFollowsIsReadAgain() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        func move(_ from: String, _ to: String) -> Change {
            table.update(old: .key(Cell.row([.text(from), nil, nil])), .text(to), "new", .unchanged)
        }
        #expect(try filter.record([move("1", "2")], of: 10, plans: plans).rereads == [reread("2")])
        let answers = Mutex<[Bool]>([])
        let token = try #require(inbox.announce())
        inbox.deliver(.everyRowIsThere { answer in answers.withLock { $0.append(answer) } }, as: token)
        #expect(filter.admit(token)?.chunk == nil && answers.withLock { $0 } == [true])
        #expect(try filter.record([move("6", "7")], of: 11, plans: plans).rereads == [])
        #expect(
            try filter.record([move("2", "3"), move("3", "4"), move("8", "9")], of: 12, plans: plans).rereads
                == [reread("3"), reread("4")])
    }

    @Test func itIsFinishedWhenNothingHasToBeReadAgain() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        let answers = Mutex<[ChunkInbox.Question.Answer]>([])
        func ask() throws {
            let token = try #require(inbox.announce())
            inbox.deliver(
                .question(ChunkInbox.Question(spills: 0) { answer in answers.withLock { $0.append(answer) } }),
                as: token)
            let admission = filter.admit(token)
            #expect(admission?.chunk == nil)
            if case .tell(let tell) = admission { tell() }
        }
        _ = try filter.record(
            [table.update(old: .key(Cell.row(["4", nil, nil])), "5", "new", .unchanged)], of: 10, plans: plans)
        try ask()
        #expect(filter.unfinished == [CollectionPart(table.collection)])
        inbox.note(after10)
        // One that isn't written settles nothing.
        for outcome in [Chunk.Outcome.refused(Failure(.dataRefused, "no")), .written([], removed: 0)] {
            let token = try #require(inbox.announce())
            #expect(inbox.note(after10, for: token))
            inbox.deliver(.chunk(try chunk(["5"], after10, rereads: [reread("5")])), as: token)
            let admitted = filter.admit(token)?.chunk
            #expect(admitted?.write.settled == [reread("5")] && admitted?.write.rereads.isEmpty == true)
            try ask()
            admitted?.settled(outcome)
            try ask()
        }
        #expect(answers.withLock { $0 } == Array(repeating: .no(spills: 0), count: 4) + [.nothingIsLeft])
        #expect(filter.unfinished.isEmpty)
        // From here on it remembers nothing, however long the stream goes on.
        for xid in UInt32(12)...40 { _ = try filter.record([table.insert("1", "n", "d")], of: xid, plans: plans) }
        #expect(filter.currentFence() == nil)
    }
}
