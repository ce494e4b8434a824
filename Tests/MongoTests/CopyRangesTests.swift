import BSON
import Logging
import Model
import Mongo
import TestSupport
import Testing

/// Claims, leases and ends of shared ranges, against a real server.
@Suite(.onServers) struct CopyRangesTests {
    private let table = TableVersion(
        schema: TableSchema(
            oid: 1, name: TableName(schema: "public", name: "things"), columns: [], replicaIdentity: .primaryKey))
    private let one = SessionID(bytes: [UInt8](repeating: 1, count: 16))
    private let two = SessionID(bytes: [UInt8](repeating: 2, count: 16))

    private func store(_ fixture: SinkFixture) -> MongoCopyRanges {
        MongoCopyRanges(
            pool: fixture.pool, database: fixture.stateDatabase,
            worker: WorkerIdentity(host: "h", pid: 1, startedAt: SourceTime(microseconds: 0)),
            progress: fixture.progress, logger: fixture.logger)
    }

    private func copy(_ fixture: SinkFixture, epoch: Int64 = 0, attempt: Int = 1) -> SharedCopy {
        SharedCopy(
            pipeline: fixture.pipeline, epoch: epoch, attempt: attempt, snapshot: "$snapshot",
            digests: [Route(table.schema.name): "abc", Route(table.schema.name, into: "c"): "d"])
    }

    private func ranges(_ count: UInt32) -> [CopyRange] {
        (0..<count).map { page in
            CopyRange(
                table: table, firstPage: page == 0 ? nil : page, endPage: page == count - 1 ? nil : page + 1,
                estimatedRows: 5)
        }
    }

    private func expireLeases(_ fixture: SinkFixture) throws {
        try fixture.reader.command(
            fixture.stateDatabase,
            [
                "update": "copy_ranges",
                "updates": [["q": ["state": "claimed"], "u": ["$set": ["lease_until": .date(0)]], "multi": true]],
            ])
    }

    @Test func rangesAreGivenOutInTheirOrderAndOnce() async throws {
        let fixture = try await SinkFixture()
        let (store, copy) = (store(fixture), copy(fixture))
        #expect(try await store.current(of: fixture.pipeline) == nil)
        #expect(try await store.standing(of: copy) == .gone)
        try await store.publish(copy, ranges(3))
        #expect(try await store.current(of: fixture.pipeline) == copy)
        #expect(try await store.standing(of: copy) == .going)
        let first = try required(try await store.claim(in: copy, for: one))
        #expect(first.number == 0 && first.firstPage == nil && first.endPage == 1 && !first.isAgain)
        #expect(first.route == Route(table.schema.name) && first.estimatedRows == 5)
        // Its answer may have been lost: it is the same one.
        let same = try required(try await store.claim(in: copy, for: one))
        #expect(same.number == 0 && same.isAgain)
        let second = try required(try await store.claim(in: copy, for: two))
        #expect(second.number == 1)
        try await store.finish(second)
        let third = try required(try await store.claim(in: copy, for: two))
        #expect(third.number == 2 && third.firstPage == 2 && third.endPage == nil)
        try await store.finish(third)
        #expect(try await store.claim(in: copy, for: two) == nil)
        // What is noted shows once it can't be rolled back.
        #expect(await eventually { (try? await store.progress(of: copy).map(\.openRanges)) == [1] })
        let progress = try await store.progress(of: copy)
        #expect(progress.map(\.ranges) == [3] && progress.map(\.estimatedRows) == [15])
        // Of another attempt nothing can be had.
        #expect(try await store.claim(in: self.copy(fixture, attempt: 2), for: two) == nil)
    }

    @Test func aLeaseThatIsOverMakesTheRangeFree() async throws {
        let fixture = try await SinkFixture()
        let (store, copy) = (store(fixture), copy(fixture))
        try await store.publish(copy, ranges(1))
        let lost = try required(try await store.claim(in: copy, for: one))
        #expect(try await store.claim(in: copy, for: two) == nil)
        try expireLeases(fixture)
        try await store.keep(copy, holders: [one], asLeader: true)
        #expect(try await store.claim(in: copy, for: two) == nil)
        try expireLeases(fixture)
        let taken = try required(try await store.claim(in: copy, for: two))
        #expect(taken.number == lost.number && taken.isAgain)
        // Who had it can neither finish it nor give it back.
        try await store.finish(lost)
        try await store.release(copy, holders: [one])
        #expect(try await store.claim(in: copy, for: one) == nil)
        try await store.release(copy, holders: [two])
        #expect(try await store.claim(in: copy, for: one)?.number == 0)
    }

    @Test func aSilentLeaderShows() async throws {
        let fixture = try await SinkFixture()
        let (store, copy) = (store(fixture), copy(fixture))
        try await store.publish(copy, ranges(1))
        try fixture.reader.command(
            fixture.stateDatabase,
            ["update": "copies", "updates": [["q": [:], "u": ["$set": ["leader_until": .date(0)]]]]])
        #expect(try await store.standing(of: copy) == .silent)
        #expect(try await store.current(of: fixture.pipeline) == nil)
        try await store.keep(copy, holders: [], asLeader: true)
        #expect(await eventually { (try? await store.standing(of: copy)) == .going })
    }

    /// What the whole design rests on: a transaction that was open when its range went to another, or the copy was
    /// closed, never commits; and a later one of that writer writes nothing.
    @Test(arguments: [false, true]) func aFrozenWriterCommitsNothing(closed: Bool) async throws {
        let fixture = try await SinkFixture()
        let (store, copy) = (store(fixture), copy(fixture))
        try await store.publish(copy, ranges(1))
        let frozen = try fixture.reader.startSession()
        let claim = try required(try await store.claim(in: copy, for: try frozen.id))
        // Before the transaction, which an update from outside would wait for.
        try expireLeases(fixture)
        try frozen.startTransaction()
        try fixture.reader.command(
            fixture.stateDatabase,
            [
                "update": "copy_ranges",
                "updates": [["q": .document(claim.filter), "u": ["$inc": ["rows": 1]]]],
            ], session: frozen)
        try fixture.reader.command(
            fixture.pool.database, ["insert": "things", "documents": [["_id": "stale"]]], session: frozen)
        if closed {
            try await store.close(fixture.pipeline, epoch: 0, isWhole: true)
            #expect(try await store.standing(of: copy) == .ended(isWhole: true))
        } else {
            #expect(try await store.claim(in: copy, for: two)?.number == 0)
        }
        #expect(throws: MongoError.self) { try frozen.commit() }
        #expect(try fixture.documents().isEmpty)
        let sink = try await copySink(fixture)
        let late = BatchMaker().add(.insert, "late", ["_id": "late"]).writes
        #expect(try await !sink.write(late, ledger: nil, claim: claim))
        #expect(try fixture.documents().isEmpty)
    }

    @Test func aWriterHasItsOwnRangeAlone() async throws {
        let fixture = try await SinkFixture()
        let (store, copy) = (store(fixture), copy(fixture))
        try await store.publish(copy, ranges(2))
        let sink = try await copySink(fixture)
        let claim = try required(try await store.claim(in: copy, for: try await sink.session))
        #expect(try await sink.write(BatchMaker().add(.insert, 1, ["_id": 1]).writes, ledger: nil, claim: claim))
        #expect(try await store.progress(of: copy).map(\.rows) == [1])
        let theirs = try required(try await store.claim(in: copy, for: two))
        let other = RangeClaim(
            copy: copy, number: theirs.number, route: theirs.route, firstPage: nil, endPage: nil, estimatedRows: 0,
            holder: try await sink.session, isAgain: false)
        #expect(try await !sink.write(BatchMaker().add(.insert, 2, ["_id": 2]).writes, ledger: nil, claim: other))
        #expect(try fixture.documents().count == 1)
        // Taken over: that is no lost range.
        try await fixture.takeOver(try await fixture.makeSink())
        try await store.close(fixture.pipeline, epoch: 1, isWhole: false)
        let failure = await #expect(throws: Failure.self) {
            _ = try await sink.write(BatchMaker().add(.insert, 3, ["_id": 3]).writes, ledger: nil, claim: claim)
        }
        #expect(failure?.kind == .fenced)
    }

    @Test func onlyTheLeaderPublishesAndCloses() async throws {
        let fixture = try await SinkFixture()
        let store = store(fixture)
        try await fixture.takeOver(try await fixture.makeSink())
        let current = copy(fixture, epoch: 1)
        try await store.publish(current, ranges(1))
        for call in [
            { try await store.publish(self.copy(fixture, epoch: 0), self.ranges(1)) },
            { try await store.close(fixture.pipeline, epoch: 0, isWhole: false) },
        ] as [() async throws -> Void] {
            let failure = await #expect(throws: Failure.self) { try await call() }
            #expect(failure?.kind == .fenced)
        }
        #expect(try await store.current(of: fixture.pipeline) == current)
        #expect(try await store.claim(in: current, for: one) != nil)
    }

    private func copySink(_ fixture: SinkFixture) async throws -> MongoCopySink {
        let sink = try await MongoCopySink(
            pool: fixture.pool, stateDatabase: fixture.stateDatabase, pipeline: fixture.pipeline,
            progress: fixture.progress, logger: fixture.logger)
        await sink.begin(epoch: 0)
        return sink
    }
}
