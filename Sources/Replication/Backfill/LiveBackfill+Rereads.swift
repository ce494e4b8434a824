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
                    try await readAgain(batch, with: opened)
                } else if hasOnlyRereads {
                    // Of those rows too.
                    try await settleRefusals()
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
        switch try await patiently(.rereads, { try await attempt(batch, of: table, with: reader) }) {
        case .done: return
        case .refused(let failure) where batch.count == 1: refuse(table.version.schema.name, failure)
        case .tooLarge, .refused:
            // Large values are why they are read again, and what one row is refused for keeps no other.
            try await readAgain(Array(batch[..<(batch.count / 2)]), with: reader)
            try await readAgain(Array(batch[(batch.count / 2)...]), with: reader)
        }
    }

    private enum Attempt {
        /// Written, or in the queue once more.
        case done
        /// More bytes than one chunk may have, of more than one row.
        case tooLarge
        case refused(Failure)
    }

    private func attempt(
        _ batch: [Reread], of table: BackfillTable, with reader: any ChunkReader
    ) async throws -> Attempt {
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
            guard inbox.note(start.snapshot, for: token) else {
                rereads.add(batch)
                return .done
            }
            guard let documents = try await readDocuments(of: table, from: reader, isBounded: batch.count > 1) else {
                inbox.withdraw(token)
                return .tooLarge
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
            case .refused(let failure): return .refused(failure)
            }
            return .done
        } catch {
            inbox.withdraw(token)
            guard let failure = error as? Failure, failure.kind == .dataRefused else { throw error }
            return .refused(failure)
        }
    }

    /// From then on the stream has only those rows read again that it knows of by now, and what becomes of them: else
    /// it might always have some more.
    func tellThatEveryRowIsThere() async throws {
        let isWhole = paused.isEmpty && board.refusals.isEmpty && tables.values.allSatisfy { $0.condition == nil }
        guard isWhole else { return }
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

    /// Whether the stream knows of nothing that has to be read again. When it does, that is in the queue soon, or
    /// already.
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
