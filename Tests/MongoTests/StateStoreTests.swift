import BSON
import Logging
import Model
import TestSupport
import Testing

import Mongo

@Suite(.onServers) struct StateStoreTests {
    /// A worker that loaded the state before the sink's last batch must not take that batch's checkpoint back.
    @Test func savingNeverTakesACheckpointBack() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        var state = try await fixture.takeOver(sink)
        var batch = BatchMaker().add(.insert, 1, ["_id": 1]).batch(0x200)
        try await sink.apply(batch, after: fixture.start)
        state.source.timeline = 2
        try await fixture.store.save(state)
        let stored = try required(try await fixture.store.load(fixture.pipeline))
        #expect(stored.checkpoint?.lsn == LSN(rawValue: 0x200))
        #expect(stored.source.timeline == 2)
        batch = BatchMaker().add(.insert, 2, ["_id": 2]).batch(0x300)
        try await sink.apply(batch, after: Checkpoint(lsn: LSN(rawValue: 0x200)))
        #expect(try fixture.documents().count == 2)
    }

    @Test func savesTheFirstCheckpoint() async throws {
        let fixture = try await SinkFixture()
        var state = SinkFixture.state("fresh", checkpoint: nil)
        state.picksTables = true
        state.plugin = .wal2json
        try await fixture.store.create(state, tables: [])
        state.checkpoint = fixture.start
        try await fixture.store.save(state)
        let stored = try await fixture.store.load("fresh")
        #expect(stored?.checkpoint == fixture.start && stored?.picksTables == true)
        #expect(stored?.plugin == .wal2json)
    }

    @Test(arguments: [true, false]) func whatAnOpenTransactionCounts(countsStrangers: Bool) async throws {
        let fixture = try await SinkFixture()
        var open = Checkpoint.OpenTransaction(xid: 7, commitLSN: LSN(rawValue: 0x300), appliedChanges: 5)
        open.countsStrangers = countsStrangers
        var checkpoint = fixture.start
        checkpoint.open = open
        try await fixture.store.create(SinkFixture.state("open", checkpoint: checkpoint), tables: [])
        #expect(try await fixture.store.load("open")?.checkpoint?.open == open)
    }

    /// Whoever comes second must not overwrite what the first one has found out about its collections.
    @Test func creatingTwiceChangesNothing() async throws {
        let fixture = try await SinkFixture()
        func table(_ name: String, wasEmpty: Bool) -> TableState {
            TableState(
                table: TableName(schema: "public", name: name), collection: name, keyColumns: ["id"], wasEmpty: wasEmpty
            )
        }
        let first = [table("a", wasEmpty: true)]
        try await fixture.store.create(SinkFixture.state("twice", checkpoint: nil), tables: first)
        let failure = await #expect(throws: Failure.self) {
            try await fixture.store.create(
                SinkFixture.state("twice", checkpoint: nil),
                tables: [table("a", wasEmpty: false), table("b", wasEmpty: false)])
        }
        #expect(failure?.kind == .inUse)
        #expect(try await fixture.store.tables(of: "twice") == first)
    }

    /// The state may have been read before the old worker's last commit.
    @Test func takingOverReturnsWhatIsStored() async throws {
        let fixture = try await SinkFixture()
        let (old, new) = (try await fixture.makeSink(), try await fixture.makeSink())
        try await fixture.takeOver(old)
        let read = try required(try await fixture.store.load(fixture.pipeline))
        let batch = BatchMaker().add(.insert, 1, ["_id": 1]).batch(0x200)
        try await old.apply(batch, after: fixture.start)
        let taken = try await fixture.store.takeOver(read, sessions: [try await new.session], worker: read.worker)
        #expect(taken.checkpoint?.lsn == LSN(rawValue: 0x200))
        #expect(taken.sessions == [try await new.session])
        await new.begin(epoch: taken.epoch)
        let next = BatchMaker().add(.insert, 2, ["_id": 2]).batch(0x300)
        try await new.apply(next, after: batch.checkpoint)
        let stale = BatchMaker().add(.insert, 3, ["_id": 3]).batch(0x300)
        let failure = await #expect(throws: Failure.self) { try await old.apply(stale, after: batch.checkpoint) }
        #expect(failure?.kind == .fenced)
        #expect(try fixture.documents().count == 2)
    }

    /// A worker that was taken over removes nothing of its successor's; repeating it does no harm.
    @Test func retiringIsTheWorkersOwn() async throws {
        let fixture = try await SinkFixture()
        let table = TableState(
            table: TableName(schema: "public", name: "a"), collection: "a", keyColumns: ["id"], wasEmpty: true)
        let old = SinkFixture.state("once", checkpoint: nil)
        try await fixture.store.create(old, tables: [table])
        let new = try await fixture.store.takeOver(old, sessions: [], worker: old.worker)
        let failure = await #expect(throws: Failure.self) { try await fixture.store.retire(old) }
        #expect(failure?.kind == .fenced)
        #expect(try await fixture.store.tables(of: "once") == [table])
        for _ in 1...2 {
            try await fixture.store.retire(new)
            #expect(try await fixture.store.load("once") == nil)
            #expect(try await fixture.store.tables(of: "once").isEmpty)
        }
    }

    /// Between the end of the sweep and the first checkpoint a worker may die: the next attempt must still know what
    /// this one wrote.
    @Test func sweepingKeepsTheNotesOfItsOwnAttempt() async throws {
        let fixture = try await SinkFixture()
        let state = try required(try await fixture.store.load(fixture.pipeline))
        let sink = try await MongoCopySink(
            pool: fixture.pool, stateDatabase: fixture.stateDatabase, pipeline: fixture.pipeline,
            progress: fixture.progress, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let taken = try await fixture.store.takeOver(state, sessions: [try await sink.session], worker: state.worker)
        await sink.begin(epoch: taken.epoch)
        let claim = try await fixture.claim(for: sink)
        #expect(try await sink.write(try copied([1, 2, 3]), ledger: 1, claim: claim))
        try await sink.sweepLedger(of: "things", attempt: 1)
        // Row 3 is gone when the copy begins again.
        #expect(try await sink.write(try copied([1, 2]), ledger: 2, claim: claim))
        try await sink.sweepLedger(of: "things", attempt: 2)
        #expect(try fixture.documents().map { $0["_id"]?.asInt64 } == [1, 2])
        try await sink.forgetLedger(of: "things")
        let notes = try fixture.reader.find(fixture.stateDatabase, "copied_keys", filter: [:], limit: 10)
        #expect(notes.isEmpty)
    }

    /// What is set stands beside the pipeline, key by key, until it is taken back or the pipeline goes.
    @Test func whatIsSetOfAPipeline() async throws {
        let fixture = try await SinkFixture()
        let (store, name) = (fixture.store, fixture.pipeline)
        #expect(try await store.limits(of: name) == BackfillLimits())
        try await store.setLimits([:], of: name)
        try await store.setLimits([.lag: .at(5), .rowsPerSecond: .at(1 << 40), .replicaLag: nil], of: name)
        try await store.setLimits([.heldWAL: .unlimited, .lag: .at(7)], of: name)
        let all = BackfillLimits([.lag: .at(7), .rowsPerSecond: .at(1 << 40), .heldWAL: .unlimited])
        #expect(try await store.limits(of: name) == all)
        #expect(try await store.limits(of: "other") == BackfillLimits())
        try await store.setLimits([.lag: nil, .heldWAL: nil], of: name)
        #expect(try await store.limits(of: name) == BackfillLimits([.rowsPerSecond: .at(1 << 40)]))
        try await store.remove(name)
        #expect(try await store.limits(of: name) == BackfillLimits())
        // Set while it was being removed: not the next one's.
        try await store.setLimits([.lag: .at(5)], of: name)
        try await store.create(SinkFixture.state(name, checkpoint: nil), tables: [])
        #expect(try await store.limits(of: name) == BackfillLimits())
    }

    @Test func whatAWorkerLeaves() async throws {
        let fixture = try await SinkFixture()
        let (store, name) = (fixture.store, fixture.pipeline)
        #expect(try await store.workerNote(of: name) == nil)
        let waiting = WorkerNote.Waiting(reason: "too much", since: SourceTime(microseconds: 7_000_000))
        for note in [WorkerNote(epoch: 3, waiting: waiting), WorkerNote(epoch: 4, waiting: nil)] {
            try await store.leave(note, of: name)
            #expect(try await store.workerNote(of: name) == note)
        }
        let state = try required(try await store.load(name))
        try await store.retire(state)
        #expect(try await store.workerNote(of: name) == nil)
    }

    private func copied(_ ids: [Int64]) throws -> CollectionWrites {
        let maker = BatchMaker()
        for id in ids { maker.add(.insert, .int64(id), ["_id": .int64(id)]) }
        return maker.writes
    }
}
