import BSON
import Model
import Synchronization
import TestSupport
import Testing

import Mongo

@Suite(.onServers) struct IndexTests {
    private func make(_ change: (inout CollectionIndex) -> Void = { _ in }) -> CollectionIndex {
        var index = CollectionIndex(name: "by_a", keys: [.init("a"), .init("b.c", isDescending: true)])
        change(&index)
        return index
    }

    private func insert(_ documents: [BSONDocument], _ fixture: SinkFixture) throws {
        try fixture.reader.command(
            fixture.pool.database,
            ["insert": "things", "documents": .array(documents.map { .document($0) })])
    }

    private func stored(_ fixture: SinkFixture) throws -> BSONDocument? {
        let reply = try fixture.reader.command(fixture.pool.database, ["listIndexes": "things"])
        return reply["cursor"]?.asDocument?["firstBatch"]?.asArray?.compactMap(\.asDocument)
            .first { $0["name"] == "by_a" }
    }

    @Test func isMadeOnce() async throws {
        let fixture = try await SinkFixture()
        let indexes = MongoIndexes(pool: fixture.pool, pipeline: fixture.pipeline)
        let index = make {
            $0.isUnique = true
            $0.conditions = [.init(path: "live", value: true)]
            $0.collation = .init(locale: "en", strength: 2)
        }
        #expect(try await indexes.missing([index], of: "things") == [index])
        #expect(try await indexes.missing([index], of: "nowhere") == [index])
        try await indexes.build(index, of: "things", omitsNulls: false)
        try await indexes.build(index, of: "things", omitsNulls: false)
        #expect(try await indexes.missing([index], of: "things") == [])
        let stored = try #require(try stored(fixture))
        #expect(stored["key"] == ["a": 1, "b.c": -1] && stored["unique"] == true)
        #expect(stored["partialFilterExpression"] == ["live": true])
        #expect(stored["collation"]?.asDocument?["strength"] == 2)
    }

    /// PostgreSQL takes no NULL for another.
    @Test(arguments: [true, false]) func sparseOnesTakeNoNullForAnother(omitsNulls: Bool) async throws {
        let fixture = try await SinkFixture()
        let indexes = MongoIndexes(pool: fixture.pool, pipeline: fixture.pipeline)
        let index = make {
            $0.isUnique = true
            $0.isSparse = true
        }
        let lacking: [BSONDocument] =
            omitsNulls ? [["a": 1], ["a": 1]] : [["a": 1, "b": ["c": nil]], ["a": 1, "b": ["c": nil]]]
        try insert(lacking + [["a": 1, "b": ["c": 2]]], fixture)
        try await indexes.build(index, of: "things", omitsNulls: omitsNulls)
        try insert([["a": 2, "b": ["c": 2]], lacking[0]], fixture)
        #expect(throws: MongoError.self) { try insert([["a": 2, "b": ["c": 2]]], fixture) }
    }

    @Test func whatRefusesIt() async throws {
        let fixture = try await SinkFixture()
        let indexes = MongoIndexes(pool: fixture.pool, pipeline: fixture.pipeline)
        try insert([["a": "secret"], ["a": "secret"]], fixture)
        let unique = make { $0.isUnique = true }
        let duplicate = await #expect(throws: Failure.self) {
            try await indexes.build(unique, of: "things", omitsNulls: false)
        }
        #expect(duplicate?.kind == .dataRefused && duplicate?.description.contains("secret") == false)
        #expect(duplicate?.message.contains("unique index by_a") == true)
        try await indexes.build(make(), of: "things", omitsNulls: false)
        let same = CollectionIndex(name: "other", keys: make().keys)
        let conflict = await #expect(throws: Failure.self) {
            try await indexes.build(same, of: "things", omitsNulls: false)
        }
        #expect(conflict?.kind == .configuration && conflict?.hint?.contains("another name") == true)
    }

    /// A transaction keeps the build from beginning: whoever waits for it can be sent home.
    @Test func aBuildThatIsGivenUp() async throws {
        let fixture = try await SinkFixture()
        let indexes = MongoIndexes(pool: fixture.pool, pipeline: fixture.pipeline)
        try insert([["_id": 1]], fixture)
        let session = try fixture.reader.startSession()
        try session.startTransaction()
        try fixture.reader.command(
            fixture.pool.database,
            ["update": "things", "updates": [["q": ["_id": 1], "u": ["$set": ["a": 1]]]]], session: session)
        let isOver = Atomic(false)
        let building = Task {
            defer { isOver.store(true, ordering: .relaxed) }
            try await indexes.build(make(), of: "things", omitsNulls: false)
        }
        #expect(
            await eventually {
                await indexes.giveUp()
                return isOver.load(ordering: .relaxed)
            })
        session.abort()
        let failure = await #expect(throws: Failure.self) { try await building.value }
        #expect(failure?.kind == .targetInterrupted)
        try await indexes.build(make(), of: "things", omitsNulls: false)
    }
}
