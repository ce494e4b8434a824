import BSON
import Model
import Mongo
import TestSupport
import Testing

/// Letters in the transactions of a sink.
@Suite(.onServers) struct LetterNotesTests {
    private func batch(_ id: BSONValue, _ sequence: Int64, at lsn: UInt64, by orders: Int64) -> WriteBatch {
        let origin = DeadLetter.Origin(lsn: LSN(rawValue: lsn), commitTime: nil)
        var letter = DeadLetter(
            collection: "things", table: nil, keys: [["_id": id]], kind: .update, reason: "why", origin: origin,
            content: .none)
        letter.sequence = sequence
        var batch = BatchMaker().add(.replace, .int64(100 + sequence), ["_id": .int64(100 + sequence)]).batch(lsn)
        batch.letters = [letter]
        batch.letterOrders = orders
        return batch
    }

    /// A worker that hasn't noticed yet would hold the key again, and nobody would ask for it any more.
    @Test func nothingIsHeldByWhatSomebodyHasReleasedMeanwhile() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let before = try await fixture.store.heldLetters(of: fixture.pipeline)
        let first = batch(1, 1, at: 0x200, by: before.orders)
        try await sink.apply(first, after: fixture.start)
        try await fixture.store.discard([HeldKey(collection: "things", key: ["_id": 1])], of: fixture.pipeline)

        let stale = batch(1, 2, at: 0x300, by: before.orders)
        let failure = await #expect(throws: Failure.self) { try await sink.apply(stale, after: first.checkpoint) }
        #expect(failure?.kind == .inUse)
        #expect(try fixture.documents().map { $0["_id"]?.asInt64 } == [101])
        #expect(try await fixture.storedCheckpoint()?.lsn == LSN(rawValue: 0x200))

        let now = try await fixture.store.heldLetters(of: fixture.pipeline)
        #expect(now.keys.isEmpty && now.orders != before.orders)
        try await sink.apply(batch(2, 2, at: 0x300, by: now.orders), after: first.checkpoint)
        let held = try await fixture.store.heldLetters(of: fixture.pipeline)
        #expect(held.keys == [HeldKey(collection: "things", key: ["_id": 2]): 1] && held.lastSequence == 2)
        #expect(try fixture.documents().count == 2)
    }
}
