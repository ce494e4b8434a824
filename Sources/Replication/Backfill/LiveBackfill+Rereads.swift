import BSON
import Mapping
import Model

/// Rows that the stream has sent in part only, before their documents were there.
extension LiveBackfill {
    /// Reads rows again beside everything else, then until the stream says that nothing is left.
    ///
    /// - Throws: the last refusal, once everything else is written.
    func readAgainUntilWhole() async throws {
        var reader: (any ChunkReader)?
        do {
            while true {
                try Task.checkCancellation()
                await rereads.waitForMore()
                let hasOnlyRereads = rereads.hasOnlyRereads
                let batch = rereads.take(atMost: LiveBackfill.rereadCount)
                if !batch.isEmpty {
                    let opened = if let reader { reader } else { try await source.openChunkReader() }
                    reader = opened
                    try await patiently(.rereads) { try await readAgain(batch, with: opened) }
                } else if hasOnlyRereads {
                    if let refusal = lastRefusal { throw refusal }
                    // What is paused is not whole: a start of the stream goes on with it.
                    if paused.isEmpty, try await isWhole() { break }
                    try await Task.sleep(for: LiveBackfill.snapshotInterval)
                }
            }
        } catch {
            await reader?.close()
            throw error
        }
        await reader?.close()
    }

    private func readAgain(_ batch: [Reread], with reader: any ChunkReader) async throws {
        guard let table = tables.values.first(where: { $0.plan.collection == batch.first?.collection }) else {
            throw Failure(.unexpected, "a row has to be read again of a table that is not part of the backfill")
        }
        let keys = try batch.map { reread in
            guard let text = table.plan.keyText(of: reread.key["_id"] ?? .null) else {
                throw Failure(.unexpected, "a key of table \(table.version.schema.name) can't be read back")
            }
            return text
        }
        gate.charge(batch.count - (try await gate.pass(batch.count)))
        let token = try await announce()
        do {
            let start = try await reader.start(table.version, key: table.key, keys: keys)
            guard inbox.note(start.snapshot, for: token) else { return rereads.add(batch) }
            guard let documents = try await readDocuments(of: table, from: reader, isBounded: batch.count > 1) else {
                // Large values are why they are read again.
                inbox.withdraw(token)
                return try await readAgainInHalves(batch, with: reader)
            }
            let outcome = try await answer(at: token) { settled in
                .chunk(
                    Chunk(
                        documents: documents, snapshot: start.snapshot, progress: nil, rereads: batch,
                        settled: settled))
            }
            switch outcome {
            case .written(let again, _):
                rereads.add(again)
                // Snapshots don't see yet what they have to: another one soon.
                if !again.isEmpty { try await Task.sleep(for: LiveBackfill.snapshotInterval) }
            case .discarded, .outdated: rereads.add(batch)
            case .refused where batch.count > 1: try await readAgainInHalves(batch, with: reader)
            case .refused(let failure): refuse(table.version.schema.name, failure)
            }
        } catch {
            inbox.withdraw(token)
            throw error
        }
    }

    private func readAgainInHalves(_ batch: [Reread], with reader: any ChunkReader) async throws {
        rereads.add(Array(batch[(batch.count / 2)...]))
        try await readAgain(Array(batch[..<(batch.count / 2)]), with: reader)
    }

    /// From then on the stream has only those rows read again that it knows of by now, and what becomes of them: else it
    /// might always have some more.
    func tellThatEveryRowIsThere() async throws {
        guard paused.isEmpty, board.refusals.isEmpty else { return }
        while true {
            let token = try await announce()
            do {
                if try await answer(at: token, { .everyRowIsThere($0) }) { return }
            } catch {
                inbox.withdraw(token)
                throw error
            }
        }
    }

    /// Whether the stream knows of nothing that has to be read again. When it does, that is in the queue soon, or already.
    private func isWhole() async throws -> Bool {
        let token = try await announce()
        do {
            return try await answer(at: token) { .question($0) }
        } catch {
            inbox.withdraw(token)
            throw error
        }
    }

    /// Leaves something for the stream and waits for its turn.
    func answer<Answer: Sendable>(
        at token: String, _ delivery: (@escaping @Sendable (Answer) -> Void) -> ChunkInbox.Delivery
    ) async throws -> Answer {
        let (answers, continuation) = AsyncStream<Answer>.makeStream()
        inbox.deliver(
            delivery { answer in
                continuation.yield(answer)
                continuation.finish()
            }, as: token)
        _ = try await source.emit(token: ChunkToken.content(token))
        for await answer in answers { return answer }
        throw CancellationError()
    }
}
