import BSON
import Logging
import Model
import TestSupport
import Testing

import Mongo

@Suite(.onServers) struct DocumentSinkTests {
    @Test func appliesEveryKindWithItsCheckpoint() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let first = BatchMaker()
            .add(.insert, 1, ["_id": 1, "a": 1, "big": "x"]).add(.insert, 2, ["_id": 2, "a": 2, "big": "y"])
            .add(.insert, 3, ["_id": 3, "a": 3]).batch(0x200)
        try await sink.apply(first, after: fixture.start)
        let second = BatchMaker()
            .add(.set, 1, ["a": 10]).add(.delete, 2).add(.move, 20, ["a": 20], from: 2)
            .add(.replace, 3, ["_id": 3, "b": 30]).add(.replace, 4, ["_id": 4, "new": true]).batch(0x300)
        try await sink.apply(second, after: first.checkpoint)
        #expect(
            try fixture.documents() == [
                ["_id": 1, "a": 10, "big": "x"], ["_id": 3, "b": 30], ["_id": 4, "new": true],
                ["_id": 20, "a": 20, "big": "y"],
            ])
        #expect(try await fixture.storedCheckpoint()?.lsn == LSN(rawValue: 0x300))
    }

    /// A part of a row whose mapping has documents inside, or leaves nulls out: the server makes the document that the
    /// whole row would have been, its fields in the same order.
    @Test(arguments: [nil, "at"] as [String?]) func aPartKeepsTheShapeOfTheWhole(guardField: String?) async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let first = BatchMaker().add(
            .insert, 1, ["_id": 1, "at": .date(5), "in": ["x": 1, "deep": ["y": ["$z": 1]]], "last": "l"]
        ).batch(0x200)
        try await sink.apply(first, after: fixture.start)
        let unknown = BSONValue.deprecated(.undefined, [])
        let part: BSONDocument = [
            "": unknown, "at": .date(6), "new": "$n",
            "in": ["": unknown, "x": 2, "deep": ["": unknown, "y": unknown]],
            "gone": ["": unknown, "a": unknown], "last": unknown,
        ]
        let second = BatchMaker(guardField: guardField).add(.set, 1, part).batch(0x300)
        try await sink.apply(second, after: first.checkpoint)
        let expected: BSONDocument = [
            "_id": 1, "at": .date(6), "new": "$n", "in": ["x": 2, "deep": ["y": ["$z": 1]]], "last": "l",
        ]
        #expect(try fixture.documents() == [expected])
        let base = try required(first.collections.first)
        let overlay = base.arena.append(part)
        let merged = try base.merge(base.writes[0].body, overlay)
        #expect(try BSONDocument(validating: base.bytes(merged)) == expected)
    }

    @Test func overwritesWhenAnInsertMeetsItsKey() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let first = BatchMaker().add(.insert, 1, ["_id": 1, "v": 1]).batch(0x200)
        try await sink.apply(first, after: fixture.start)
        let second = BatchMaker().add(.insert, 0, ["_id": 0]).add(.insert, 1, ["_id": 1, "v": 2]).batch(0x300)
        try await sink.apply(second, after: first.checkpoint)
        #expect(try fixture.documents() == [["_id": 0], ["_id": 1, "v": 2]])
    }

    /// To MongoDB 1 is 1.0.
    @Test func overwritesAKeyOfAnotherNumericType() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        try fixture.reader.command(
            fixture.pool.database,
            ["insert": "things", "documents": [["_id": .double(1), "v": 1], ["_id": 2, "v": 1]]])
        let batch = BatchMaker().add(.insert, 1, ["_id": 1, "v": 2]).add(.insert, 2, ["_id": 2, "v": 2])
            .add(.insert, 3, ["_id": 3, "v": 2]).batch(0x200)
        try await sink.apply(batch, after: fixture.start)
        #expect(try fixture.documents().map { $0["v"] } == [2, 2, 2])
    }

    /// Two rows that are one document to a collection without regard to case.
    @Test func keysThatAreOneToTheCollationAreRefused() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        try fixture.reader.command(fixture.pool.database, ["drop": "things"])
        try fixture.reader.command(
            fixture.pool.database, ["create": "things", "collation": ["locale": "en", "strength": 2]])
        let batch = BatchMaker().add(.insert, "a", ["_id": "a"]).add(.insert, "A", ["_id": "A"]).batch(0x200)
        let failure = await #expect(throws: Failure.self) { try await sink.apply(batch, after: fixture.start) }
        #expect(failure?.kind == .dataRefused && failure?.message.contains("two keys of the source for one") == true)
        #expect(try await fixture.storedCheckpoint() == fixture.start)
    }

    @Test func swapsValuesUnderAUniqueIndex() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        try fixture.createUniqueIndex()
        let first = BatchMaker().add(.insert, 1, ["_id": 1, "email": "a", "big": "1"])
            .add(.insert, 2, ["_id": 2, "email": "b", "big": "2"]).add(.insert, 3, ["_id": 3, "email": "c"]).batch(
                0x200)
        try await sink.apply(first, after: fixture.start)
        let swap = BatchMaker().add(.set, 1, ["email": "b"]).add(.replace, 2, ["_id": 2, "email": "a", "big": "2"])
            .add(.delete, 3).add(.move, 30, ["email": "c"], from: 3).add(.insert, 4, ["_id": 4, "email": "d"]).batch(
                0x300)
        try await sink.apply(swap, after: first.checkpoint)
        #expect(
            try fixture.documents() == [
                ["_id": 1, "email": "b", "big": "1"], ["_id": 2, "email": "a", "big": "2"], ["_id": 4, "email": "d"],
                ["_id": 30, "email": "c"],
            ])
    }

    @Test func namesTheIndexThatRefusesTheSourcesOwnState() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        try fixture.createUniqueIndex()
        let batch = BatchMaker().add(.insert, 1, ["_id": 1, "email": "planted"])
            .add(.insert, 2, ["_id": 2, "email": "planted"]).batch(0x200)
        let failure = await #expect(throws: Failure.self) { try await sink.apply(batch, after: fixture.start) }
        #expect(failure?.kind == .dataRefused)
        #expect(failure?.message.contains("(email) of collection things") == true)
        #expect(failure?.description.contains("planted") == false)
        #expect(try fixture.documents().isEmpty)
        #expect(try await fixture.storedCheckpoint() == fixture.start)
    }

    @Test func refusesToUpdateADocumentThatIsGone() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        for batch in [
            BatchMaker().add(.insert, 1, ["_id": 1]).add(.set, 2, ["a": 1]).batch(0x200),
            BatchMaker().add(.insert, 1, ["_id": 1]).add(.move, 2, ["a": 1], from: 3).batch(0x200),
        ] {
            let failure = await #expect(throws: Failure.self) { try await sink.apply(batch, after: fixture.start) }
            #expect(failure?.kind == .dataRefused)
            #expect(try fixture.documents().isEmpty)
        }
    }

    @Test func writesNamesThatMongoReadsAsPathsOrOperators() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let first = BatchMaker("things", hasSpecialNames: true)
            .add(.insert, 1, ["_id": 1, "a.b": 1, "$c": "x", "d": ["e": 1]])
            .add(.replace, 2, ["_id": 2, "$set": 5]).batch(0x200)
        try await sink.apply(first, after: fixture.start)
        let second = BatchMaker("things", hasSpecialNames: true).add(.set, 1, ["a.b": "$$ROOT", "d": 7])
            .add(.set, 2, ["$set": 6]).batch(0x300)
        try await sink.apply(second, after: first.checkpoint)
        #expect(
            try fixture.documents() == [["_id": 1, "a.b": "$$ROOT", "$c": "x", "d": 7], ["_id": 2, "$set": 6]])
    }

    /// An update that sent nothing but the key: every other column is an unchanged TOAST value. An update document
    /// without anything in it would be a replacement by nothing.
    @Test(arguments: [false, true])
    func keepsADocumentWhenNothingWasSent(hasSpecialNames: Bool) async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let first = BatchMaker("things", hasSpecialNames: hasSpecialNames).add(.insert, 1, ["_id": 1, "a.b": "big"])
            .batch(0x200)
        try await sink.apply(first, after: fixture.start)
        let second = BatchMaker("things", hasSpecialNames: hasSpecialNames).add(.set, 1, [:]).batch(0x300)
        try await sink.apply(second, after: first.checkpoint)
        #expect(try fixture.documents() == [["_id": 1, "a.b": "big"]])
        #expect(try await fixture.storedCheckpoint()?.lsn == LSN(rawValue: 0x300))
    }

    @Test func truncatesInSteps() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let maker = BatchMaker()
        for id in 0..<12_000 { maker.add(.insert, .int64(Int64(id)), ["_id": .int64(Int64(id))]) }
        let batch = maker.batch(0x200)
        try await sink.apply(batch, after: fixture.start)
        try await sink.truncate(["things", "others"], at: batch.checkpoint)
        #expect(try fixture.documents().isEmpty)
        #expect(try await fixture.storedCheckpoint()?.lsn == LSN(rawValue: 0x200))
    }

    // MARK: - Two workers

    @Test func aWorkerThatWasTakenOverMovesNothing() async throws {
        let fixture = try await SinkFixture()
        let old = try await fixture.makeSink()
        try await fixture.takeOver(old)
        let first = BatchMaker().add(.insert, 1, ["_id": 1, "by": "old"]).batch(0x200)
        try await old.apply(first, after: fixture.start)
        let new = try await fixture.makeSink()
        try await fixture.takeOver(new)

        let stale = BatchMaker().add(.replace, 1, ["_id": 1, "by": "stale"]).batch(0x300)
        for attempt in [
            { try await old.apply(stale, after: first.checkpoint) },
            {
                try await old.apply(
                    WriteBatch(checkpoint: stale.checkpoint, collections: [], counts: .init()), after: first.checkpoint)
            },
            { try await old.truncate(["things"], at: first.checkpoint) },
        ] as [@Sendable () async throws -> Void] {
            let failure = await #expect(throws: Failure.self) { try await attempt() }
            #expect(failure?.kind == .fenced)
        }
        #expect(try fixture.documents() == [["_id": 1, "by": "old"]])
        let next = BatchMaker().add(.replace, 1, ["_id": 1, "by": "new"]).batch(0x300)
        try await new.apply(next, after: first.checkpoint)
        #expect(try fixture.documents() == [["_id": 1, "by": "new"]])
    }

    /// The old worker has written and not committed; its transaction holds the document and the checkpoint.
    @Test func takesOverFromAnOpenTransactionAtOnce() async throws {
        let fixture = try await SinkFixture()
        let orphan = MongoConnection(fixture.pool)
        let session = try orphan.startSession()
        let state = try required(try await fixture.store.load(fixture.pipeline))
        let taken = try await fixture.store.takeOver(state, sessions: [try session.id], worker: state.worker)
        try session.startTransaction()
        try orphan.command(
            fixture.stateDatabase,
            [
                "update": "pipelines",
                "updates": [
                    ["q": ["_id": "shop", "epoch": .int64(taken.epoch)], "u": ["$set": ["checkpoint.lsn": "9/9"]]]
                ],
            ], session: session)
        try orphan.command(
            fixture.pool.database, ["insert": "things", "documents": [["_id": 1, "by": "orphan"]]], session: session)

        let clock = ContinuousClock()
        let begun = clock.now
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        try await sink.apply(BatchMaker().add(.insert, 1, ["_id": 1, "by": "new"]).batch(0x200), after: fixture.start)
        // Without killing the session this waits for transactionLifetimeLimitSeconds, a minute.
        #expect(clock.now - begun < .seconds(20))
        #expect(throws: MongoError.self) { try session.commit() }
        #expect(try fixture.documents() == [["_id": 1, "by": "new"]])
        #expect(try await fixture.storedCheckpoint()?.lsn == LSN(rawValue: 0x200))
    }

    // MARK: - Faults

    /// The commit is done and its answer lost: the batch is neither lost nor applied twice.
    /// One after the other: a server has one such fail point.
    @Test(.serialized, arguments: ["before", "after"])
    func survivesALostAnswer(_ moment: String) async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let name = "wherry-fault-\(moment)-\(fixture.stateDatabase)"
        let pool = try MongoPool(
            uri: try await MongoUnderTest.uri(database: fixture.pool.database), applicationName: name)
        let faulty = try await MongoDocumentSink(
            pool: pool, stateDatabase: fixture.stateDatabase, pipeline: fixture.pipeline, progress: fixture.progress,
            logger: .init(label: "test"))
        try await fixture.takeOver(faulty)
        var data: [(String, BSONValue)] = [("failCommands", ["commitTransaction"]), ("appName", .string(name))]
        data +=
            moment == "before"
            ? [("closeConnection", true)]
            : [
                (
                    "writeConcernError",
                    ["code": 91, "errmsg": "lost", "errorLabels": ["UnknownTransactionCommitResult"]]
                )
            ]
        try fixture.reader.command(
            "admin",
            ["configureFailPoint": "failCommand", "mode": ["times": 2], "data": .document(BSONDocument(data))])
        let batch = BatchMaker().add(.insert, 1, ["_id": 1, "v": 1]).batch(0x200)
        try await faulty.apply(batch, after: fixture.start)
        #expect(try fixture.documents() == [["_id": 1, "v": 1]])
        #expect(try await fixture.storedCheckpoint()?.lsn == LSN(rawValue: 0x200))
        try await faulty.apply(BatchMaker().add(.set, 1, ["v": 2]).batch(0x300), after: batch.checkpoint)
        #expect(try fixture.documents() == [["_id": 1, "v": 2]])
    }
}
