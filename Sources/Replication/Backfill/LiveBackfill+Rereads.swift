import BSON
import Mapping
import Model

/// The end of a backfill: rows that the stream has sent in part only, before their documents were there.
extension LiveBackfill {
    /// Reads rows again until the stream says that nothing is left.
    ///
    /// - Parameter refusal: why it never will; then those known now are read, and this is thrown.
    func readAgainUntilWhole(but refusal: Failure? = nil) async throws {
        let reader = try await source.openChunkReader()
        do {
            while true {
                while true {
                    let batch = rereads.take(atMost: LiveBackfill.rereadCount)
                    if batch.isEmpty { break }
                    try await patiently { try await readAgain(batch, with: reader) }
                }
                if let refusal { throw refusal }
                // What is paused is not whole: a start of the stream goes on with it.
                guard paused.isEmpty else {
                    try await Task.sleep(for: LiveBackfill.snapshotInterval)
                    continue
                }
                if try await isWhole() { break }
            }
        } catch {
            await reader.close()
            throw error
        }
        await reader.close()
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
                rereads.add(Array(batch[(batch.count / 2)...]))
                return try await readAgain(Array(batch[..<(batch.count / 2)]), with: reader)
            }
            let outcome = try await answer(at: token) { settled in
                .chunk(
                    Chunk(
                        documents: documents, snapshot: start.snapshot, progress: nil, rereads: batch,
                        settled: settled))
            }
            switch outcome {
            case .written(let again):
                rereads.add(again)
                // Snapshots don't see yet what they have to: another one soon.
                if !again.isEmpty { try await Task.sleep(for: LiveBackfill.snapshotInterval) }
            case .discarded, .outdated: rereads.add(batch)
            case .refused(let failure): throw refusal(failure, of: table.version.schema.name)
            }
        } catch {
            inbox.withdraw(token)
            throw error
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
