import BSON
import Foundation
import Model
import Mongo
import Synchronization
import TestSupport
import Testing

/// An application that writes the documents of a chunk or a copy at the same moment.
@Suite(.onServers) struct OutsideWriterTests {
    private func documents(_ count: Int, at moment: Int64) -> BatchMaker {
        let maker = BatchMaker(guardField: "at", expectsDocuments: true)
        for id in 0..<count {
            let id = BSONValue.int32(Int32(id))
            maker.add(.insert, id, ["_id": id, "at": .date(moment), "by": "row"])
        }
        return maker
    }

    enum Way: CaseIterable, Sendable {
        case chunk, copy
    }

    /// Writes with its own sink; the fixture's pipeline is taken over for it.
    private func writer(
        _ way: Way, _ fixture: SinkFixture
    ) async throws -> @Sendable (BatchMaker, [Reread]) async throws -> Void {
        switch way {
        case .chunk:
            let sink = try await fixture.makeSink()
            try await fixture.takeOver(sink)
            let start = fixture.start
            return { maker, rereads in _ = try await sink.write(maker.chunk(rereads: rereads), at: start) }
        case .copy:
            let sink = try await fixture.makeCopySink()
            await sink.begin(epoch: try required(try await fixture.store.load(fixture.pipeline)).epoch)
            let claim = try await fixture.claim(for: sink)
            return { maker, _ in try #require(try await sink.write(maker.writes, ledger: 1, claim: claim)) }
        }
    }

    /// A transaction of the application holds one document: the pieces around it get through, in the end that one.
    @Test(arguments: Way.allCases) func aDocumentThatIsHeld(way: Way) async throws {
        let fixture = try await SinkFixture()
        let write = try await writer(way, fixture)
        let outside = MongoConnection(fixture.pool)
        let session = try outside.startSession()
        try session.startTransaction()
        let update: BSONDocument = [
            "update": "things",
            "updates": [
                ["q": ["_id": 777], "u": ["$set": ["at": .date(9), "by": "application"]], "upsert": true]
            ],
        ]
        try outside.command(fixture.pool.database, update, session: session)

        let maker = documents(1500, at: 5)
        let again = Reread(collection: "things", key: ["_id": 777])
        let writing = Task { try await write(maker, [again]) }
        let inspector = try MongoInspector(uri: try await MongoUnderTest.uri(database: fixture.pool.database))
        // Everything before the held document is there, and nothing says that the chunk is. (Not `count`: that has the
        // uncommitted document too.)
        #expect(
            await eventually { (try? await inspector.documents("things", projection: ["_id": 1]).count) == 777 })
        #expect(try await fixture.store.rereads(of: fixture.pipeline) == [])
        try session.commit()
        try await writing.value

        let found = try fixture.documents()
        #expect(found.count == 1500)
        #expect(found.filter { $0["by"] == "application" } == [["_id": 777, "at": .date(9), "by": "application"]])
        #expect(try await fixture.store.rereads(of: fixture.pipeline) == (way == .chunk ? [again] : []))
    }

    /// The same documents, 200 times a second.
    @Test(arguments: Way.allCases) func anApplicationThatGoesOnWriting(way: Way) async throws {
        let fixture = try await SinkFixture()
        let write = try await writer(way, fixture)
        let inspector = try MongoInspector(uri: try await MongoUnderTest.uri(database: fixture.pool.database))
        let written = Writes()
        let newest = try await withThrowingTaskGroup(of: [Int32: Int64].self) { group in
            group.addTask {
                var newest: [Int32: Int64] = [:]
                var generator = SeededGenerator(seed: 11)
                var moment: Int64 = 1000
                while !Task.isCancelled {
                    let id = Int32.random(in: 0..<1000, using: &generator)
                    moment += 1
                    try await inspector.command([
                        "update": "things",
                        "updates": [
                            [
                                "q": ["_id": .int32(id)], "u": ["at": .date(moment), "by": "application"],
                                "upsert": true,
                            ]
                        ],
                    ])
                    newest[id] = moment
                    written.count.withLock { $0 += 1 }
                    try? await Task.sleep(for: .milliseconds(5))
                }
                return newest
            }
            // Newer than some of what the application writes meanwhile, and older than the rest.
            defer { group.cancelAll() }
            var round: Int64 = 0
            while round < 15 || written.count.withLock({ $0 }) < 50 {
                try await write(documents(1000, at: 1000 + round % 15 * 10), [])
                round += 1
            }
            group.cancelAll()
            return try await group.next() ?? [:]
        }
        // The application doesn't look at what it overwrites; once it has stopped every older document gives way.
        let last: Int64 = 1150
        try await write(documents(1000, at: last), [])
        let found = try fixture.documents()
        #expect(found.count == 1000 && newest.count > 20)
        for document in found {
            let id = Int32(document["_id"]?.asInt64 ?? -1)
            let own = newest[id].map { $0 > last } ?? false
            #expect(document["by"] == (own ? "application" : "row"), "\(id)")
            #expect(document["at"]?.asDate == (own ? newest[id] : last), "\(id)")
        }
    }

    @Test func aWorkerThatWasTakenOverWritesNoPiece() async throws {
        let fixture = try await SinkFixture()
        let old = try await fixture.makeSink()
        try await fixture.takeOver(old)
        let new = try await fixture.makeSink()
        try await fixture.takeOver(new)
        let chunk = documents(600, at: 1).chunk()
        let failure = await #expect(throws: Failure.self) { try await old.write(chunk, at: fixture.start) }
        #expect(failure?.kind == .fenced)
        #expect(try fixture.documents().isEmpty)
    }
}

/// What the application has written so far.
private final class Writes: Sendable {
    let count = Mutex(0)
}
