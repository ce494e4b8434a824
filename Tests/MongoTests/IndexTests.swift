import BSON
import DevServers
import Model
import TestSupport
import Testing

import Mongo

@Suite(.onServers) struct IndexTests {
    private func make(_ change: (inout CollectionIndex) -> Void = { _ in }) -> CollectionIndex {
        var index = CollectionIndex(name: "by_a", keys: [.init("a"), .init("b.c", isDescending: true)])
        change(&index)
        return index
    }

    /// - Parameter options: of the URI.
    private func indexes(_ fixture: SinkFixture, options: String = "") throws -> MongoIndexes {
        let builders = try MongoPool(uri: fixture.uri + options, applicationName: "wherry-test", isPatient: true)
        return MongoIndexes(pool: fixture.pool, builderPool: builders, pipeline: fixture.pipeline)
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
        let indexes = try indexes(fixture)
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
        let indexes = try indexes(fixture)
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
        let indexes = try indexes(fixture)
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

    // MARK: - Builds that take long

    /// A transaction that keeps the build from beginning until it is aborted.
    private func hold(_ fixture: SinkFixture, key: BSONValue = 1) throws -> MongoSession {
        try insert([["_id": key]], fixture)
        let session = try fixture.reader.startSession()
        try session.startTransaction()
        try fixture.reader.command(
            fixture.pool.database,
            ["update": "things", "updates": [["q": ["_id": key], "u": ["$set": ["a": 1]]]]], session: session)
        return session
    }

    /// The server's operations that make indexes for the pipeline.
    private func operations(_ fixture: SinkFixture) throws -> [BSONValue] {
        let stages: [BSONValue] = [
            ["$currentOp": [:]],
            ["$match": ["command.comment": "wherry shop indexes", "command.$db": .string(fixture.pool.database)]],
        ]
        let reply = try fixture.reader.command("admin", ["aggregate": 1, "pipeline": .array(stages), "cursor": [:]])
        return (reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []).compactMap { $0.asDocument?["opid"] }
    }

    /// Every other command is given up after as long.
    @Test func aBuildMayTakeLongerThanAnAnswer() async throws {
        let fixture = try await SinkFixture()
        let indexes = try indexes(fixture, options: "&socketTimeoutMS=200")
        let session = try hold(fixture)
        let building = Task { try await indexes.build(make(), of: "things", omitsNulls: false) }
        try await waitUntil("the build has begun") { try operations(fixture).count == 1 }
        // Five times what the URI allows.
        try await Task.sleep(for: .seconds(1))
        session.abort()
        try await building.value
        #expect(try await indexes.missing([make()], of: "things") == [])
    }

    /// Whoever asks for it next waits for the same one.
    @Test func aWaitThatIsCancelled() async throws {
        let fixture = try await SinkFixture()
        let indexes = try indexes(fixture)
        let session = try hold(fixture)
        try await leave(make(), indexes, fixture)
        let begun = try operations(fixture)
        #expect(begun.count == 1)
        let again = Task { try await indexes.build(make(), of: "things", omitsNulls: false) }
        let other = Task { try await indexes.build(make(), of: "things", omitsNulls: false) }
        #expect(try operations(fixture) == begun)
        session.abort()
        try await again.value
        try await other.value
        #expect(try await indexes.missing([make()], of: "things") == [])
    }

    /// A failure is told to whoever asks next; what was made may be gone by then.
    @Test func whatEndsUnheard() async throws {
        let fixture = try await SinkFixture()
        let indexes = try indexes(fixture)
        let unique = make { $0.isUnique = true }
        let session = try hold(fixture)
        try insert([["_id": 2, "a": 5], ["_id": 3, "a": 5]], fixture)
        try await leave(unique, indexes, fixture)
        session.abort()
        try await waitUntil("the build has ended") { try operations(fixture).isEmpty }
        try fixture.reader.command(
            fixture.pool.database, ["delete": "things", "deletes": [["q": ["_id": ["$in": [1, 3]]], "limit": 0]]])
        let failure = await #expect(throws: Failure.self) {
            try await indexes.build(unique, of: "things", omitsNulls: false)
        }
        #expect(failure?.kind == .dataRefused)
        let again = try hold(fixture, key: 9)
        try await leave(unique, indexes, fixture)
        again.abort()
        try await waitUntil("the index is there") { try await indexes.missing([unique], of: "things") == [] }
        try fixture.reader.command(fixture.pool.database, ["dropIndexes": "things", "index": "by_a"])
        try await indexes.build(unique, of: "things", omitsNulls: false)
        #expect(try await indexes.missing([unique], of: "things") == [])
    }

    /// Begins a build, and waits for it no more.
    private func leave(_ index: CollectionIndex, _ indexes: MongoIndexes, _ fixture: SinkFixture) async throws {
        let waiting = Task { try await indexes.build(index, of: "things", omitsNulls: false) }
        try await waitUntil("the build has begun") { try operations(fixture).count == 1 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    /// By whoever may: it isn't begun again at once.
    @Test func aBuildThatSomebodyEnds() async throws {
        let fixture = try await SinkFixture()
        let indexes = try indexes(fixture)
        let session = try hold(fixture)
        let building = Task { try await indexes.build(make(), of: "things", omitsNulls: false) }
        try await waitUntil("the build has begun") { try operations(fixture).count == 1 }
        for id in try operations(fixture) { try fixture.reader.command("admin", ["killOp": 1, "op": id]) }
        let failure = await #expect(throws: Failure.self) { try await building.value }
        #expect(failure?.kind == .configuration && failure?.message.contains("somebody has ended") == true)
        session.abort()
        try await indexes.build(make(), of: "things", omitsNulls: false)
    }

    // MARK: - Other ones of the same name

    @Test(arguments: [true, false]) func whatIsMadeIsWhatWasAsked(omitsNulls: Bool) async throws {
        let fixture = try await SinkFixture()
        let index = make {
            ($0.isUnique, $0.isSparse) = (true, true)
            $0.conditions = [.init(path: "kind", value: .int64(3)), .init(path: "live", value: true)]
            $0.collation = .init(locale: "en", strength: 2)
        }
        try await indexes(fixture).build(index, of: "things", omitsNulls: omitsNulls)
        let catalog = MongoIndexCatalog(pool: fixture.pool)
        let found = try await catalog.comparison(of: [index], with: "things", omitsNulls: omitsNulls)
        #expect(found.missing == [] && found.different == [])
        #expect(found.unique == [])
        let changes: [(String, (inout CollectionIndex) -> Void)] = [
            ("unique", { $0.isUnique = false }), ("sparse or where", { $0.isSparse = false }),
            ("sparse or where", { $0.conditions = [] }), ("collation", { $0.collation = nil }),
            ("keys", { $0 = CollectionIndex(name: "by_a", keys: [.init("a"), .init("b.c")]) }),
        ]
        for (part, change) in changes {
            var other = index
            change(&other)
            let found = try await catalog.comparison(of: [other], with: "things", omitsNulls: omitsNulls)
            #expect(found.different.first?.parts.contains(part) == true, "\(part): \(found)")
        }
        let other = CollectionIndex(name: "other", keys: [.init("a")])
        #expect(try await catalog.comparison(of: [other], with: "things", omitsNulls: false).missing == ["other"])
        #expect(try await catalog.comparison(of: [other], with: "nowhere", omitsNulls: false).missing == ["other"])
        try fixture.createUniqueIndex()
        let unique = try await catalog.comparison(of: [], with: "things", omitsNulls: false).unique
        #expect(unique.map(\.name) == ["email"] && unique.map(\.paths) == [["email"]])
    }
}
