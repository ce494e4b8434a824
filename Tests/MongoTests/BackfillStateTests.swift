import BSON
import DevServers
import Model
import TestSupport
import Testing

import Mongo

/// Backfills in the state database, and the documents they look through.
@Suite(.onServers) struct BackfillStateTests {
    private static let name = TableName(schema: "public", name: "things")
    private static let now = SourceTime(microseconds: 5_000_000)

    private func table() -> TableState {
        TableState(
            table: BackfillStateTests.name, collection: "things", keyColumns: ["id"], wasEmpty: true,
            copyStage: .finished)
    }

    private func request(_ seconds: Int64 = 1) -> BackfillRequest {
        BackfillRequest(
            cause: .asked, condition: "id > 1", removesGone: true,
            requestedAt: SourceTime(microseconds: seconds * 1_000_000), host: "h")
    }

    private func make() async throws -> (SinkFixture, PipelineState) {
        let fixture = try await SinkFixture()
        try await fixture.store.remove(fixture.pipeline)
        let state = SinkFixture.state(fixture.pipeline, checkpoint: fixture.start)
        try await fixture.store.create(state, tables: [table()])
        return (fixture, state)
    }

    private func stored(_ fixture: SinkFixture) async throws -> TableState {
        try required(try await fixture.store.tables(of: fixture.pipeline).first)
    }

    /// The table with the backfill that its request becomes.
    private func begun(_ table: TableState) -> TableState {
        var begun = table
        begun.backfill = BackfillState(
            route: table.route, ranges: [], startedAt: BackfillStateTests.now, floor: 7, cause: .asked,
            condition: table.wanted?.condition, sweep: BackfillState.Sweep(position: ["_id": "x"], removed: 2))
        return begun
    }

    @Test func aRequestIsAnsweredOnce() async throws {
        let (fixture, state) = try await make()
        let seen = try await stored(fixture)
        #expect(try await fixture.store.ask(request(), of: seen, in: fixture.pipeline))
        #expect(try await !fixture.store.ask(request(2), of: seen, in: fixture.pipeline))
        let wanted = try await stored(fixture)
        #expect(wanted.wanted == request())
        #expect(
            try await fixture.store.orders(of: fixture.pipeline) == [wanted.route: wanted.orders])
        try await fixture.store.saveBackfills([begun(wanted)], of: state)
        let under = try await stored(fixture)
        #expect(under.wanted == nil && under.backfill == begun(wanted).backfill)
        // Taken back and asked for anew while the worker planned: what was planned is not what is asked for.
        #expect(try await !fixture.store.order(.cancel, of: wanted, in: fixture.pipeline))
        #expect(try await !fixture.store.ask(request(3), of: wanted, in: fixture.pipeline))
    }

    @Test func aPlanForARequestThatIsGoneIsDropped() async throws {
        let (fixture, state) = try await make()
        #expect(try await fixture.store.ask(request(), of: try await stored(fixture), in: fixture.pipeline))
        let wanted = try await stored(fixture)
        #expect(try await fixture.store.order(.cancel, of: wanted, in: fixture.pipeline))
        try await fixture.store.saveBackfills([begun(wanted)], of: state)
        let left = try await stored(fixture)
        #expect(left.wanted == nil && left.backfill == nil)
    }

    @Test func ordersAreForTheBackfillThatWasSeen() async throws {
        let (fixture, state) = try await make()
        try await fixture.store.saveBackfills([begun(table())], of: state)
        let seen = try await stored(fixture)
        #expect(try await fixture.store.order(.pause, of: seen, in: fixture.pipeline))
        #expect(try await stored(fixture).backfill?.isPaused == true)
        #expect(try await fixture.store.order(.resume, of: seen, in: fixture.pipeline))
        #expect(try await stored(fixture).backfill?.isPaused == false)
        let reason = Failure(.dataRefused, "it is too large")
        try await fixture.store.refuse(seen, because: reason, of: fixture.pipeline)
        let refused = try await stored(fixture)
        #expect(refused.backfill?.isCancelled == true && refused.refusal == reason)
        // As older states have it.
        let kind: BSONDocument = ["refusal_kind": ""]
        try fixture.reader.command(
            fixture.stateDatabase,
            ["update": "tables", "updates": [["q": [:], "u": ["$unset": .document(kind)], "multi": true]]])
        #expect(try await stored(fixture).refusal == Failure(.usage, "it is too large"))
        var ended = refused.withoutBackfill
        ended.copyStage = .finished
        try await fixture.store.saveBackfills([ended], of: state)
        #expect(try await stored(fixture).backfill == nil)
        #expect(try await !fixture.store.order(.pause, of: seen, in: fixture.pipeline))
    }

    @Test func aWorkerThatWasTakenOverPlansNothing() async throws {
        let (fixture, old) = try await make()
        _ = try await fixture.store.takeOver(old, sessions: [], worker: old.worker)
        for write in [
            { try await fixture.store.want([self.table()], of: old) },
            { try await fixture.store.saveBackfills([self.begun(self.table())], of: old) },
            { try await fixture.store.replaceCheckpoint(Checkpoint(lsn: .zero), of: old) },
        ] {
            let failure = await #expect(throws: Failure.self) { try await write() }
            #expect(failure?.kind == .fenced)
        }
        #expect(try await stored(fixture) == table())
        #expect(try await fixture.storedCheckpoint() == fixture.start)
    }

    /// They say nothing any more, and without a backfill that was asked for the row would stop the stream. Those of
    /// other collections stay.
    @Test func rowsToReadAgainGoWithTheirBackfill() async throws {
        let (fixture, _) = try await make()
        let sink = try await fixture.makeSink()
        let state = try await fixture.takeOver(sink)
        let rereads = ["things", "thing", "others"].map { Reread(collection: $0, key: ["_id": 7]) }
        let chunk = ChunkWrite(documents: BatchMaker().writes, progress: nil, rereads: rereads, settled: [])
        _ = try await sink.write(chunk, at: fixture.start)
        try await fixture.store.saveBackfills([begun(table())], of: state)
        #expect(try await Set(fixture.store.rereads(of: fixture.pipeline)) == Set(rereads))
        #expect(try await fixture.store.hasRereads(in: "things", of: fixture.pipeline))
        try await fixture.store.saveBackfills([table()], of: state)
        #expect(try await !fixture.store.hasRereads(in: "things", of: fixture.pipeline))
        #expect(try await Set(fixture.store.rereads(of: fixture.pipeline)) == Set(rereads.dropFirst()))
    }

    /// A chunk may hold nothing but notes: it is written too, however often its transaction is refused.
    @Test(arguments: [0, 3]) func aChunkWhoseTransactionIsRefused(documents: Int) async throws {
        let server = try await MongoServer.start(
            directory: SharedServers.directory(uniqueName("refused")), options: .withTestCommands)
        let fixture = try await SinkFixture(on: server)
        let inspector = try MongoInspector(uri: fixture.uri)
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        var key: Int32 = 0
        for (command, code) in [("update", 112), ("update", 290), ("update", 388), ("commitTransaction", 251)] {
            for times: Int32 in 1...3 {
                key += 1
                let writes = BatchMaker()
                for place in 0..<documents { writes.add(.insert, .int32(key * 100 + Int32(place)), ["n": 1]) }
                let chunk = writes.chunk(rereads: [Reread(collection: "things", key: ["_id": .int32(key)])])
                try await FailPoint.fail(
                    [command], of: "wherry-test", code: Int32(code), times: times, using: inspector)
                _ = try await sink.write(chunk, at: fixture.start)
                #expect(try await fixture.store.rereads(of: fixture.pipeline).contains(chunk.rereads[0]))
                #expect(try fixture.documents().count == Int(key) * documents)
            }
        }
        #expect(fixture.progress.snapshot().retries == 4 * (1 + 2 + 3))
        try await server.remove()
    }

    /// Deletes and their progress are one transaction, and writing them twice counts once.
    @Test func aSweepIsCountedOnce() async throws {
        let (fixture, _) = try await make()
        let sink = try await fixture.makeSink()
        let state = try await fixture.takeOver(sink)
        try await fixture.store.saveBackfills([begun(table())], of: state)
        let setUp = BatchMaker().add(.insert, 1, ["_id": 1]).add(.insert, 2, ["_id": 2]).add(.insert, 3, ["_id": 3])
        try await sink.apply(setUp.batch(0x200), after: fixture.start)
        let at = Checkpoint(lsn: LSN(rawValue: 0x200))
        // One of them is not there.
        let deletes = BatchMaker().add(.delete, 1).add(.delete, 3).add(.delete, 9).writes
        let step = SweepStep(route: Route(BackfillStateTests.name), position: ["_id": 3], isDone: false, foreign: 4)
        for removed in [2, 0] {
            let chunk = ChunkWrite(documents: deletes, progress: nil, sweep: step, rereads: [], settled: [])
            #expect(try await sink.write(chunk, at: at) == removed)
        }
        #expect(try fixture.documents() == [["_id": 2]])
        let sweep = try required(try await stored(fixture).backfill?.sweep)
        #expect(sweep == .init(position: ["_id": 3], removed: 4, foreign: 4, isDone: false))
    }

    /// Rows of a second backfill overwrite at once; the first try of an insert would cost the transaction.
    @Test func documentsThatAreExpectedAreOverwritten() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        try await sink.apply(BatchMaker().add(.insert, 1, ["_id": 1, "a": 1]).batch(0x200), after: fixture.start)
        let again = BatchMaker(expectsDocuments: true)
            .add(.insert, 1, ["_id": 1, "a": 2]).add(.insert, 2, ["_id": 2, "a": 2])
        let chunk = ChunkWrite(documents: again.writes, progress: nil, rereads: [], settled: [])
        _ = try await sink.write(chunk, at: Checkpoint(lsn: LSN(rawValue: 0x200)))
        #expect(try fixture.documents() == [["_id": 1, "a": 2], ["_id": 2, "a": 2]])
        #expect(fixture.progress.snapshot().retries == 0)
    }

    /// `$gt` would see the numbers alone.
    @Test(arguments: [1, 2, 3, 100]) func keysOfEveryType(_ limit: Int) async throws {
        let fixture = try await SinkFixture()
        let ids: [BSONValue] = [
            .minKey, .null, .int32(-3), .double(0.5), .int64(7), "a", "b", ["k": 1], .binary(subtype: 0, [1]),
            .objectID([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), true, .date(5),
        ]
        let target = MongoTarget(
            pool: fixture.pool, stateDatabase: fixture.stateDatabase, pipeline: fixture.pipeline)
        try fixture.reader.command(
            fixture.pool.database,
            ["insert": "things", "documents": .array(ids.shuffled().map { ["_id": $0, "x": 1] })])
        var found: [BSONValue] = []
        var last: BSONDocument?
        while true {
            let keys = try await target.keys(of: "things", after: last, limit: limit)
            #expect(keys.count <= limit)
            found += keys.compactMap { $0["_id"] }
            // What was looked at last may be gone, as it is when it had no row.
            if let last {
                try fixture.reader.command(
                    fixture.pool.database,
                    ["delete": "things", "deletes": [["q": .document(last), "limit": 1]]])
            }
            guard keys.count == limit else { break }
            last = keys.last
        }
        #expect(found == ids)
        #expect(try await target.keys(of: "others", after: nil, limit: 5).isEmpty)
    }
}
