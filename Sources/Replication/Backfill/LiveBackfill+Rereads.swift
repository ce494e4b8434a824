import BSON
import Logging
import Mapping
import Model

/// Rows that the stream has sent in part only: before their documents were there, or so that they make none.
extension LiveBackfill {
    /// Reads rows again that the stream asks for, for as long as it runs. Costs nothing while there are none: no
    /// snapshot is taken, and no session is open.
    func readOnDemand() async throws {
        rereads.everythingElseIsRead()
        while true {
            await rereads.waitForMore(orTheEnd: false)
            try Task.checkCancellation()
            try await whileWatching { _ in }
        }
    }

    /// Reads rows again beside everything else, then until the stream says that nothing is left.
    ///
    /// - Throws: the last refusal, once everything else is written.
    func readAgainUntilWhole() async throws {
        var reader: (any ChunkReader)?
        do {
            var spills = 0
            while true {
                try Task.checkCancellation()
                await rereads.waitForMore(orTheEnd: true)
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
                    guard try await !isFinished(&spills) else { break }
                } else if rereads.hasMore {
                    try await rereads.refill(storedRereads)
                }
            }
        } catch {
            await reader?.close()
            throw error
        }
        await reader?.close()
    }

    /// With nothing in the queue: takes what the state database has left, or asks the stream.
    private func isFinished(_ spills: inout Int) async throws -> Bool {
        if rereads.hasMore {
            try await rereads.refill(storedRereads)
            return false
        }
        // What is paused is not whole: a start of the stream goes on with it.
        if paused.isEmpty {
            switch try await ask(spills) {
            case .nothingIsLeft: return true
            case .no(let now): spills = now
            }
        }
        if !rereads.hasWork { try await Task.sleep(for: LiveBackfill.snapshotInterval) }
        return false
    }

    private func readAgain(_ batch: [Reread], with reader: any ChunkReader) async throws {
        guard let collection = batch.first?.collection else { return }
        for (table, rows) in try await rereadTables.byTable(batch) {
            if let table {
                try await readAgain(rows, of: table, with: reader)
                continue
            }
            logger.notice(
                "rows of a table that is gone are not read again",
                metadata: ["collection": "\(collection)", "rows": "\(rows.count)"])
            _ = try await patiently(.rereads) { try await settleWithoutRows(rows, of: collection) }
        }
    }

    private func readAgain(_ batch: [Reread], of known: BackfillTable, with reader: any ChunkReader) async throws {
        var table = known
        // It is read in the place of what the stream has brought.
        if let cause = batch.first?.cause, [.change, .retry].contains(cause) {
            table.guardField = table.plan.streamGuard
        }
        table.expectsDocuments = true
        switch try await patiently(.rereads, { try await attempt(batch, of: table, with: reader) }) {
        case .done: return
        case .refused(let failure) where batch.count == 1: refuse(table.route, failure)
        case .tooLarge, .refused:
            // Large values are why they are read again, and what one row is refused for keeps no other.
            try await readAgain(Array(batch[..<(batch.count / 2)]), of: known, with: reader)
            try await readAgain(Array(batch[(batch.count / 2)...]), of: known, with: reader)
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
            // What is refused once more stays held back, whatever the policy is by now.
            let isRetry = batch.first?.cause == .retry
            var refusals = refusals
            refusals.isRetry = isRetry
            let read = try await readRows(of: table, from: reader, isBounded: batch.count > 1, refusals)
            guard let read else {
                inbox.withdraw(token)
                return .tooLarge
            }
            if isRetry { table.appendDeletes(of: batch, notIn: read) }
            return try await deliver(read, of: batch, under: start.snapshot, as: token)
        } catch {
            inbox.withdraw(token)
            guard let failure = error as? Failure, failure.kind == .dataRefused else { throw error }
            return .refused(failure)
        }
    }

    /// Ends the waiting for rows of a table that is gone: their documents stay as they are, and nothing of them is held.
    private func settleWithoutRows(_ batch: [Reread], of collection: String) async throws -> Attempt {
        let token = try await announce()
        do {
            let snapshot = try await source.currentSnapshot()
            guard inbox.note(snapshot, for: token) else {
                rereads.add(batch)
                return .done
            }
            let nothing = ReadRows(documents: CollectionWrites(collection: collection, hasSpecialNames: false))
            return try await deliver(nothing, of: batch, under: snapshot, as: token)
        } catch {
            inbox.withdraw(token)
            throw error
        }
    }

    private func deliver(
        _ read: ReadRows, of batch: [Reread], under snapshot: VisibilitySnapshot, as token: String
    ) async throws -> Attempt {
        let outcome = try await answer(at: token) { settled in
            .chunk(
                Chunk(
                    documents: read.documents, snapshot: snapshot, progress: nil, rereads: batch, letters: read.letters
                ) { outcome in
                    // At once: the stream may end with this row.
                    if case .written(let again, _) = outcome { rereads.settle(batch, but: again) }
                    settled(outcome)
                })
        }
        switch outcome {
        case .written(let again, _):
            // Snapshots don't see yet what they have to: another one soon.
            if !again.isEmpty { try await Task.sleep(for: LiveBackfill.snapshotInterval) }
        case .discarded, .outdated: rereads.add(batch)
        case .refused(let failure): return .refused(failure)
        }
        return .done
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

    /// Asks the stream whether it knows of something that has to be read again. When it does, that is in the queue by
    /// now.
    private func ask(_ spills: Int) async throws -> ChunkInbox.Question.Answer {
        let token = try await announce()
        do {
            return try await answer(at: token) { .question(ChunkInbox.Question(spills: spills, answer: $0)) }
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
