import BSON
import Model
import Synchronization
import TestSupport
import Testing

@testable import Replication

/// A chunk and the batch before it.
@Suite struct BatchWriterTests {
    private let start = Checkpoint(lsn: LSN(rawValue: 1000))
    private let again = Reread(collection: "things", key: ["_id": 7])

    private struct Outcome {
        var chunk: Chunk.Outcome?
        var rereads: [Reread] = []
    }

    /// Writes one batch that holds a row to be read again, and a chunk behind it.
    private func write(into sink: RecordingSink) async throws -> Outcome {
        let handoff = StepHandoff(onWanted: {})
        let outcome = Mutex(Outcome())
        var batch = WriteBatch(
            checkpoint: Checkpoint(lsn: LSN(rawValue: 2000)), collections: [], counts: WriteBatch.Counts())
        batch.rereads = [again]
        let documents = CollectionWrites(collection: "things", hasSpecialNames: false)
        documents.writes.append(DocumentWrite(kind: .delete, key: documents.arena.append(["_id": 1])))
        let chunk = AdmittedChunk(
            write: ChunkWrite(documents: documents, progress: nil, rereads: [], settled: []),
            settled: { settled in outcome.withLock { $0.chunk = settled } })
        await handoff.put(.chunk(chunk, behind: batch))
        var writer = BatchWriter(
            sink: sink, handoff: handoff, positions: StreamPositions(start: start.lsn), progress: Progress(),
            limits: AdaptiveLimits(BatchLimits()), target: StreamTarget(batch.checkpoint.lsn), checkpoint: start,
            held: HeldKeys(HeldLetters(), of: "p"))
        writer.onRereads = { rereads in outcome.withLock { $0.rereads += rereads } }
        #expect(try await writer.run())
        return outcome.withLock { $0 }
    }

    @Test(arguments: [true, false]) func areWrittenInTheirOrder(together: Bool) async throws {
        let sink = RecordingSink(appliesTogether: together)
        let outcome = try await write(into: sink)
        #expect(outcome.rereads == [again])
        guard case .written(let rereads, let removed) = outcome.chunk else {
            Issue.record("the chunk is not written")
            return
        }
        #expect(rereads.isEmpty && removed == 1)
        guard sink.steps.count == 2, case .batch = sink.steps[0], case .chunk(_, let checkpoint) = sink.steps[1] else {
            Issue.record("\(sink.steps)")
            return
        }
        #expect(checkpoint.lsn == LSN(rawValue: 2000))
    }

    /// What a transaction writes behind its TRUNCATE belongs to it.
    @Test func aTruncationIsNoPlaceToStop() async throws {
        let handoff = StepHandoff(onWanted: {})
        let gate = Gate()
        let sink = RecordingSink(gate: gate)
        var writer = BatchWriter(
            sink: sink, handoff: handoff, positions: StreamPositions(start: start.lsn), progress: Progress(),
            limits: AdaptiveLimits(BatchLimits()), target: StreamTarget(), checkpoint: start,
            held: HeldKeys(HeldLetters(), of: "p"))
        let target = writer.target
        async let isReached = writer.run()
        await handoff.put(.truncate(["things"]))
        while gate.waiting == 0 { await Task.yield() }
        // Reached by the checkpoint from the beginning, and known only now.
        target.position = LSN(rawValue: 500)
        gate.open()
        await handoff.put(
            .batch(
                WriteBatch(
                    checkpoint: Checkpoint(lsn: LSN(rawValue: 2000)), collections: [], counts: WriteBatch.Counts())))
        #expect(try await isReached)
        #expect(sink.steps.count == 2 && sink.checkpoint.lsn == LSN(rawValue: 2000))
    }

    @Test func aRefusedChunkKeepsNothingElse() async throws {
        let sink = RecordingSink(appliesTogether: false, chunkFailure: Failure(.dataRefused, "too large"))
        let outcome = try await write(into: sink)
        guard case .refused(let failure) = outcome.chunk else {
            Issue.record("the chunk is not refused")
            return
        }
        #expect(failure.message == "too large")
        #expect(outcome.rereads == [again] && sink.checkpoint.lsn == LSN(rawValue: 2000))
    }
}
