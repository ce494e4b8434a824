import BSON
import Model
import Mongo
import TestSupport
import Testing

/// What concerns the documents of one table, beside those of others in its collection.
@Suite(.onServers) struct SharedCollectionSinkTests {
    private let part = CollectionPart("things", Discriminator(field: "kind", value: "b"))

    /// Keys of the one are neither above nor below those of the other, whatever they look like.
    @Test func truncatesOneTableOfSeveral() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let maker = BatchMaker()
        let others: [BSONValue] = [
            ["kind": "ba", "id": 1], ["kind": "a", "id": 1], ["kind": "c"], ["kind": "b"], ["kind": 7, "id": 1],
            ["kin": "b", "id": 1],
            ["id": 1, "kind": "b"], ["kind": ["kind": "b"]], "b", 7, [:],
        ]
        for id in others { maker.add(.insert, id, ["_id": id]) }
        for id in 0..<6_000 {
            let id: BSONValue = ["kind": "b", "id": id % 2 == 0 ? .int64(Int64(id)) : .string("\(id)")]
            maker.add(.insert, id, ["_id": id])
        }
        let batch = maker.batch(0x200)
        try await sink.apply(batch, after: fixture.start)
        let target = MongoTarget(pool: fixture.pool, stateDatabase: fixture.stateDatabase, pipeline: fixture.pipeline)
        var (keys, last): ([BSONDocument], BSONDocument?) = ([], nil)
        while case let found = try await target.keys(of: part, after: last, limit: 999), !found.isEmpty {
            keys += found
            last = found.last
        }
        #expect(keys.count == 6_000 && keys.allSatisfy { part.contains($0) } && Set(keys).count == 6_000)
        #expect(try await target.nonEmpty([part]) == [part])
        try await sink.truncate([part], at: batch.checkpoint)
        #expect(Set(try fixture.documents().compactMap { $0["_id"] }) == Set(others))
        #expect(try await target.nonEmpty([part]).isEmpty)
        #expect(try await target.keys(of: part, after: nil, limit: 5).isEmpty)
    }

    /// Whether a document may be missing is asked of its own table's backfill.
    @Test(arguments: [("b", false), ("c", true)]) func aPartOfARowFindsNothing(kind: String, isLoss: Bool) async throws
    {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let there: BSONValue = ["kind": "c", "id": 1]
        let first = BatchMaker().add(.insert, there, ["_id": there]).batch(0x200)
        try await sink.apply(first, after: fixture.start)
        let maker = BatchMaker().add(.set, there, ["n": 1]).add(.set, ["kind": .string(kind), "id": 9], ["n": 2])
        maker.writes.incomplete = [part]
        let batch = maker.batch(0x300)
        do {
            try await sink.apply(batch, after: first.checkpoint)
            #expect(!isLoss)
        } catch let failure as Failure {
            #expect(isLoss && failure.kind == .dataRefused && failure.message.contains("1 document is missing"))
        }
        #expect(try fixture.documents().map { $0["n"] } == [isLoss ? nil : 1])
    }
}
