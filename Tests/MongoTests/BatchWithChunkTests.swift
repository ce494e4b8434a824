import BSON
import Model
import TestSupport
import Testing

import Mongo

/// A batch of the stream and rows of a backfill behind it, as one transaction or not at all.
@Suite(.onServers) struct BatchWithChunkTests {
    private let again = Reread(collection: "things", key: ["_id": 7])

    @Test func bothAreThereWithTheCheckpointAndTheNotes() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let batch = BatchMaker("others").add(.insert, 1, ["_id": 1, "v": "stream"]).batch(0x200)
        let chunk = BatchMaker().add(.insert, 1, ["_id": 1]).add(.insert, 2, ["_id": 2]).chunk(rereads: [again])
        #expect(try await sink.apply(batch, with: chunk, after: fixture.start) == 0)
        #expect(try fixture.documents("others") == [["_id": 1, "v": "stream"]])
        #expect(try fixture.documents() == [["_id": 1], ["_id": 2]])
        #expect(try await fixture.storedCheckpoint() == batch.checkpoint)
        #expect(try await fixture.store.rereads(of: fixture.pipeline) == [again])
    }

    /// The chunk has been read after what the batch brings.
    @Test func theChunkComesBehindTheBatch() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let batch = BatchMaker().add(.replace, 1, ["_id": 1, "v": "stream"]).add(.replace, 3, ["_id": 3]).batch(0x200)
        let chunk = BatchMaker().add(.insert, 1, ["_id": 1, "v": "chunk"]).add(.insert, 2, ["_id": 2]).chunk()
        // The first chunk that meets a document finds that out by being refused.
        #expect(try await sink.apply(batch, with: chunk, after: fixture.start) == nil)
        #expect(try fixture.documents().isEmpty)
        #expect(try await fixture.storedCheckpoint() == fixture.start)
        #expect(try await sink.apply(batch, with: chunk, after: fixture.start) == 0)
        #expect(try fixture.documents() == [["_id": 1, "v": "chunk"], ["_id": 2], ["_id": 3]])
        let next = BatchMaker().add(.replace, 5, ["_id": 5, "v": "stream"]).add(.delete, 3).batch(0x300)
        let overlapping = BatchMaker().add(.insert, 4, ["_id": 4]).add(.insert, 5, ["_id": 5, "v": "chunk"]).chunk()
        #expect(try await sink.apply(next, with: overlapping, after: batch.checkpoint) == 0)
        #expect(try fixture.documents().map { $0["_id"] } == [1, 2, 4, 5])
        #expect(try fixture.documents().last?["v"] == "chunk")
    }

    @Test func nothingIsWrittenWhenTheTargetRefusesADocument() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        try fixture.createUniqueIndex()
        let batch = BatchMaker("others").add(.insert, 1, ["_id": 1]).batch(0x200)
        let chunk = BatchMaker().add(.insert, 1, ["_id": 1, "email": "a"]).add(.insert, 2, ["_id": 2, "email": "a"])
            .chunk(rereads: [again])
        #expect(try await sink.apply(batch, with: chunk, after: fixture.start) == nil)
        #expect(try fixture.documents("others").isEmpty && fixture.documents().isEmpty)
        #expect(try await fixture.storedCheckpoint() == fixture.start)
        #expect(try await fixture.store.rereads(of: fixture.pipeline).isEmpty)
        // One after the other the batch gets through, and the chunk says why it doesn't.
        try await sink.apply(batch, after: fixture.start)
        let failure = await #expect(throws: Failure.self) { try await sink.write(chunk, at: batch.checkpoint) }
        #expect(failure?.kind == .dataRefused)
        #expect(try fixture.documents("others").count == 1 && fixture.documents().isEmpty)
    }

    /// Trying both at once again would cost both their work again.
    @Test func afterAFailureTheNextTwentyGoApart() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        try fixture.createUniqueIndex()
        let batch = BatchMaker("others").add(.insert, 1, ["_id": 1]).batch(0x200)
        let refused = BatchMaker().add(.insert, 1, ["_id": 1, "email": "a"]).add(.insert, 2, ["_id": 2, "email": "a"])
            .chunk()
        #expect(try await sink.apply(batch, with: refused, after: fixture.start) == nil)
        let guarded = BatchMaker(guardField: "updated_at", expectsDocuments: true)
            .add(.insert, 1, ["_id": 1, "updated_at": .date(1)]).chunk()
        let fine = BatchMaker().add(.insert, 1, ["_id": 1, "email": "a"]).chunk()
        for _ in 1...20 {
            // One that goes alone anyway is none of them.
            #expect(try await sink.apply(batch, with: guarded, after: fixture.start) == nil)
            #expect(try await sink.apply(batch, with: fine, after: fixture.start) == nil)
        }
        #expect(try await fixture.storedCheckpoint() == fixture.start)
        #expect(try await sink.apply(batch, with: fine, after: fixture.start) == 0)
        #expect(try await fixture.storedCheckpoint() == batch.checkpoint)
    }

    /// Of a row that only a part has come of, and that nobody is to bring.
    @Test func nothingIsWrittenWhenTheBatchCannotBe() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let batch = BatchMaker("others").add(.set, 1, ["v": 1]).batch(0x200)
        let chunk = BatchMaker().add(.insert, 1, ["_id": 1]).chunk()
        #expect(try await sink.apply(batch, with: chunk, after: fixture.start) == nil)
        #expect(try fixture.documents().isEmpty)
        #expect(try await fixture.storedCheckpoint() == fixture.start)
    }

    @Test func anOlderWorkerWritesNeither() async throws {
        let fixture = try await SinkFixture()
        let (old, new) = (try await fixture.makeSink(), try await fixture.makeSink())
        try await fixture.takeOver(old)
        try await fixture.takeOver(new)
        let batch = BatchMaker("others").add(.insert, 1, ["_id": 1]).batch(0x200)
        let chunk = BatchMaker().add(.insert, 1, ["_id": 1]).chunk()
        let failure = await #expect(throws: Failure.self) {
            while try await old.apply(batch, with: chunk, after: fixture.start) == nil {
                // Its session was killed; the next one finds the epoch.
                try await old.apply(batch, after: fixture.start)
            }
        }
        #expect(failure?.kind == .fenced)
        #expect(try fixture.documents("others").isEmpty && fixture.documents().isEmpty)
    }

    /// A write of an application in the middle of a large transaction would abort all of it, and wait for it.
    @Test(arguments: [true, false]) func whereAnApplicationWritesEachGoesAlone(inTheChunk: Bool) async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let batch = BatchMaker("others", guardField: inTheChunk ? nil : "updated_at", expectsDocuments: true)
            .add(.insert, 1, ["_id": 1, "updated_at": .date(1)]).batch(0x200)
        let chunk = BatchMaker(guardField: inTheChunk ? "updated_at" : nil, expectsDocuments: true)
            .add(.insert, 1, ["_id": 1, "updated_at": .date(1)]).chunk()
        #expect(try await sink.apply(batch, with: chunk, after: fixture.start) == nil)
        #expect(try fixture.documents("others").isEmpty && fixture.documents().isEmpty)
    }

    /// As after a commit whose answer was lost: both are written once more, and nothing is counted twice.
    @Test func repeatingBothIsHarmless() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let batch = BatchMaker("others").add(.insert, 1, ["_id": 1]).add(.insert, 2, ["_id": 2]).batch(0x200)
        let chunk = BatchMaker().add(.insert, 1, ["_id": 1]).chunk(rereads: [again])
        #expect(try await sink.apply(batch, with: chunk, after: fixture.start) == 0)
        #expect(try await sink.apply(batch, with: chunk, after: fixture.start) == nil)
        try await sink.apply(batch, after: fixture.start)
        #expect(try await sink.write(chunk, at: batch.checkpoint) == 0)
        #expect(try fixture.documents("others").count == 2 && fixture.documents() == [["_id": 1]])
        #expect(try await fixture.store.rereads(of: fixture.pipeline) == [again])
    }
}
