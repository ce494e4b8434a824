import BSON
import Mapping
import Model
import Synchronization
import TestSupport
import Testing

@testable import Replication

/// Rows that can't be written as the stream has sent them: those without `doc`, here.
@Suite struct ChunkFilterRereadTests {
    private let table = SampleTable()
    private let plans: PlanTable
    private let progress = Progress()
    private let before10 = VisibilitySnapshot(xmin: 10, xmax: 11, running: [10])
    private let after10 = VisibilitySnapshot(xmin: 11, xmax: 11, running: [])

    init() throws { plans = try SampleTable.plans([table], needing: "doc") }

    private func inbox(_ snapshot: VisibilitySnapshot) -> ChunkInbox {
        ChunkInbox(run: "run", snapshot: snapshot, fence: nil, progress: progress)
    }

    /// Of a stream without a backfill.
    private func filter(_ inbox: ChunkInbox, limit: Int = 100) -> ChunkFilter {
        ChunkFilter(
            unfinished: [], pending: PendingRereads([], limit: limit), inbox: inbox, fence: nil, byteLimit: 1 << 20,
            progress: progress)
    }

    private func reread(_ key: String, _ cause: Reread.Cause = .change) -> Reread {
        Reread(collection: table.collection, key: table.key(of: [.text(key)]), cause: cause)
    }

    private func partial(_ key: String) -> Change { table.update(.text(key), "new", .unchanged) }

    private func move(_ from: String, _ to: String) -> Change {
        table.update(old: .key(Cell.row([.text(from), nil, nil])), .text(to), "new", .unchanged)
    }

    /// What is admitted of the rows, read again under a snapshot.
    private func read(
        _ keys: [String], _ snapshot: VisibilitySnapshot, _ inbox: ChunkInbox, _ filter: inout ChunkFilter,
        for cause: Reread.Cause = .change
    ) throws -> AdmittedChunk? {
        let token = try #require(inbox.announce())
        #expect(inbox.note(snapshot, for: token))
        let part = BackfillTable(
            route: Route(table.schema.name), version: table.version, plan: try plans.plan(for: table.version),
            key: table.keyColumns,
            expectsDocuments: true)
        let documents = part.documents()
        for key in keys { try part.append(Cell.row([.text(key), "n", "d"]), to: documents) }
        inbox.deliver(
            .chunk(
                Chunk(
                    documents: documents, snapshot: snapshot, progress: nil, rereads: keys.map { reread($0, cause) }
                ) { _ in }), as: token)
        return filter.admit(token)?.chunk
    }

    private func ask(
        _ inbox: ChunkInbox, _ filter: inout ChunkFilter, settling spills: Int = 0
    ) throws -> ChunkInbox.Question.Answer? {
        let answers = Mutex<[ChunkInbox.Question.Answer]>([])
        let token = try #require(inbox.announce())
        inbox.deliver(
            .question(ChunkInbox.Question(spills: spills) { answer in answers.withLock { $0.append(answer) } }),
            as: token)
        if case .tell(let tell) = filter.admit(token) { tell() }
        return answers.withLock { $0.last }
    }

    @Test func suchARowIsNotedAndReadUntilASnapshotSeesItsChange() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        let recorded = try filter.record(
            [table.update("1", "new", "whole"), partial("2"), table.delete("3", nil, nil)], of: 10, plans: plans)
        #expect(recorded.readAgain == [1] && recorded.rereads == [reread("2")])
        #expect(recorded.rereads.map(\.cause) == [.change])
        #expect(filter.currentFence()?.ids == [10] && filter.unfinished.isEmpty)
        let tooOld = try read(["2"], before10, inbox, &filter)
        #expect(tooOld?.write.documents.writes.isEmpty == true && tooOld?.write.rereads == [reread("2")])
        #expect(tooOld?.write.rereads.map(\.cause) == [.change])
        #expect(try ask(inbox, &filter) == .no(spills: 0))
        let whole = try read(["2"], after10, inbox, &filter)
        #expect(whole?.write.documents.writes.count == 1 && whole?.write.rereads == [])
        whole?.settled(.written([], removed: 0))
        #expect(try ask(inbox, &filter) == .nothingIsLeft)
        #expect(filter.currentFence() == nil)
    }

    /// Its document has not what came before: a part of the row can't be added to it.
    @Test func whatFollowsInPartIsReadAgainTooUntilTheRowIsWritten() throws {
        let plain = SampleTable("plain", oid: 2)
        let plans = try SampleTable.plans([table, plain])
        let inbox = inbox(after10)
        let stale = Reread(collection: plain.collection, key: plain.key(of: ["1"]), cause: .change)
        var filter = ChunkFilter(
            unfinished: [], tracked: [plain.collection], pending: PendingRereads([stale]), inbox: inbox, fence: nil,
            byteLimit: 1 << 20, progress: progress)
        func record(_ changes: Change...) throws -> ChunkFilter.Recorded {
            try filter.record(changes, of: 11, plans: plans)
        }
        #expect(try record(plain.update("2", "new", .unchanged)).readAgain == [])
        #expect(try record(plain.update("1", "new", .unchanged)).readAgain == [0])
        // Also where it goes.
        let old = OldRow.key(Cell.row(["1", nil, nil]))
        let moved = try record(plain.update(old: old, "5", "new", .unchanged))
        #expect(moved.readAgain == [0])
        #expect(moved.rereads == [Reread(collection: plain.collection, key: plain.key(of: ["5"]))])
        // What comes whole, or goes, needs nothing.
        let others = try record(plain.update("5", "new", "whole"), plain.delete("1", nil, nil))
        #expect(others.readAgain == [] && others.rereads == [])
    }

    @Test func aRowThatChangesItsKeyLeavesTheOldOne() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox)
        let change = move("1", "2")
        let recorded = try filter.record([change], of: 10, plans: plans)
        #expect(recorded.readAgain == [0] && recorded.rereads == [reread("2")])
        var batch = BatchBuilder()
        try batch.add(table.update("1", "n", "d"), plans: plans)
        try batch.addReadAgain(change, plans: plans)
        try batch.addReadAgain(partial("3"), plans: plans)
        batch.advance(to: Checkpoint(lsn: LSN(rawValue: 20)), endsTransaction: true)
        let sealed = batch.seal()
        let writes = try #require(sealed?.collections.first)
        #expect(writes.writes.map(\.kind) == [.delete] && sealed?.counts.changes == 3)
        #expect(BSONDocument(unchecked: writes.bytes(writes.writes[0].key)) == table.key(of: ["1"]))
    }

    /// No snapshot is taken while nothing has to be read: how ids go on only the stream says.
    @Test func idsAreKnownHoweverLongNothingWasRead() throws {
        let inbox = inbox(after10)
        var filter = filter(inbox)
        for xid in [1 << 30, 1 << 31, 3 << 30, 7, 1 << 30] as [UInt32] {
            _ = try filter.record([table.insert("9", "n", "d")], of: xid, plans: plans)
            #expect(filter.currentFence() == nil)
        }
        _ = try filter.record([partial("1")], of: (1 << 30) + 5, plans: plans)
        #expect(filter.currentFence()?.ids == [(1 << 32) + (1 << 30) + 5])
    }

    @Test func whatIsTooMuchToKeepIsLeftToTheStateDatabase() throws {
        let inbox = inbox(before10)
        var filter = filter(inbox, limit: 2)
        _ = try filter.record([partial("1"), partial("2")], of: 10, plans: plans)
        let token = try #require(inbox.announce())
        _ = try filter.record([partial("3")], of: 12, plans: plans)
        // No chunk that does not see them all is written any more.
        #expect(!inbox.note(before10, for: token))
        #expect(inbox.announce() == nil && inbox.fence?.ids == [10, 12])
        let newer = VisibilitySnapshot(xmin: 13, xmax: 13, running: [])
        inbox.note(newer)
        // Every part is read again then: nobody knows whether its row is one of them.
        _ = try filter.record([partial("4")], of: 13, plans: plans)
        let seesAll = VisibilitySnapshot(xmin: 14, xmax: 14, running: [])
        let read = try self.read(["1", "2", "3", "4"], seesAll, inbox, &filter)
        #expect(read?.write.documents.writes.count == 4 && read?.write.settled.count == 4)
        #expect(read?.write.rereads == [])
        read?.settled(.written([], removed: 0))
        #expect(try ask(inbox, &filter) == .no(spills: 1))
        #expect(try ask(inbox, &filter, settling: 1) == .nothingIsLeft)
        #expect(filter.currentFence() == nil)
    }

    /// What the stream brings of it is held back, whether or not it was known yet that the row is retried.
    @Test func aRetriedRowThatIsOlderThanTheStreamIsReadAgain() throws {
        let inbox = inbox(before10)
        var filter = ChunkFilter(
            unfinished: [CollectionPart(table.collection)], pending: PendingRereads([]), inbox: inbox, fence: nil,
            byteLimit: 1 << 20,
            progress: progress)
        _ = try filter.record([table.update("1", "new", "d")], of: 10, plans: plans)
        let chunk = try #require(try read(["1", "2"], before10, inbox, &filter, for: .retry))
        #expect(chunk.write.rereads == [reread("1", .retry)])
        #expect(chunk.write.documents.writes.count == 1)
    }

    @Test func aStreamThatCanReadNothingRefusesSuchAPlan() async throws {
        var script = EventScript([table])
        script.transaction([table.insert("1", "n", "d")])
        let harness = StreamHarness(tables: [table], script: script, needing: "doc")
        let failure = await #expect(throws: Failure.self) { try await harness.run(into: RecordingSink()) }
        #expect(failure?.kind == .configuration && failure?.message.contains("public.t") == true)
    }

    @Test func nothingOfSuchARowIsWritten() async throws {
        var script = EventScript([table])
        script.transaction([table.insert("1", "old", "d"), table.insert("2", "old", "d")])
        script.transaction([partial("1"), table.update("2", "new", "whole")])
        let harness = StreamHarness(
            tables: [table], script: script, needing: "doc", filter: { filter(inbox(before10)) })
        let sink = RecordingSink()
        try await promptly { try await harness.run(into: sink) }
        #expect(sink.batches.flatMap(\.rereads) == [reread("1")])
        let documents = sink.target.collections["t"].map { Set($0.values) }
        #expect(
            documents == [["_id": 1, "name": "old", "doc": "d"], ["_id": 2, "name": "new", "doc": "whole"]])
        #expect(sink.checkpoint.lsn == script.end)
    }
}
