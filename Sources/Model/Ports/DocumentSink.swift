import BSON

/// Where the stream's documents go. One owner calls it, one call at a time.
package protocol DocumentSink: Sendable {
    /// The server session all its transactions run in: to be stored in the pipeline's state before the first write.
    var session: SessionID { get async throws }

    /// The epoch under which the worker took the pipeline over; before anything is written.
    func begin(epoch: Int64) async

    /// Applies a batch and its checkpoint as one transaction, provided the stored checkpoint is still `previous` and
    /// the epoch the worker's own. When it returns, all of it is durable.
    ///
    /// Interruptions of the target are waited out inside (reported to `Progress`).
    ///
    /// - Throws: `Failure` `.fenced`, `.dataRefused` (with the place of the write, where the target says which it
    ///   refuses), `.denied`; `.targetInterrupted` when other writers keep
    ///   colliding with it: the caller comes back with smaller batches.
    func apply(_ batch: WriteBatch, after previous: Checkpoint) async throws

    /// Writes rows of a backfill and their progress, conditional on `checkpoint` being the stored one: as one
    /// transaction, or, where other writers collide with that, as several with the progress in the last. Repeating it
    /// is harmless.
    ///
    /// - Returns: how many documents are removed, of those whose deletion the chunk asks for.
    /// - Throws: as `apply`.
    func write(_ chunk: ChunkWrite, at checkpoint: Checkpoint) async throws -> Int

    /// Applies a batch and, behind it, rows of a backfill with their progress, all as one transaction.
    ///
    /// - Returns: as `write`; nil when they don't go together, and have to be applied one after the other.
    /// - Throws: as `apply`, but for what is the matter with a document.
    func apply(_ batch: WriteBatch, with chunk: ChunkWrite, after previous: Checkpoint) async throws -> Int?

    /// Deletes every document of the parts in bounded steps, each conditional on `checkpoint` being the stored one.
    /// Repeating it after an interruption is harmless.
    func truncate(_ parts: [CollectionPart], at checkpoint: Checkpoint) async throws

    /// Removes the letters of the parts, which are empty now, provided that `checkpoint` is the stored one.
    func forgetLetters(of parts: [CollectionPart], at checkpoint: Checkpoint) async throws

    func close() async
}

/// Where the initial copy's documents go. Every writer is one session of its own.
package protocol CopySink: Sendable {
    var session: SessionID { get async throws }

    /// The epoch under which the worker took the pipeline over; before anything is written.
    func begin(epoch: Int64) async

    /// Inserts whole documents (`writes` are all of kind `.insert`) into the collection, in transactions that write the
    /// claim of their range too: its rows, and a new lease. `ledger` says that the collection was not empty: then rows
    /// overwrite by key, and their keys are noted so that a later attempt can remove those that are gone.
    ///
    /// - Parameters:
    ///   - refused: rows that make no document, noted to be read again beside the stream.
    ///   - holdsBack: whether documents that the target refuses become such rows, and are taken out of `documents`.
    /// - Returns: false, with nothing more written, when the range is not this writer's any more.
    /// - Throws: `Failure(.fenced)` when the epoch has moved on.
    func write(
        _ documents: CollectionWrites, refused: [Reread], holdsBack: Bool, ledger attempt: Int?, claim: RangeClaim
    ) async throws -> Bool

    /// Deletes all documents of what was empty before Wherry came, in steps that make sure of the epoch.
    func empty(_ part: CollectionPart) async throws

    /// Removes the documents whose keys were noted by an attempt before `attempt` and not by it, in such steps too. The
    /// attempt's own notes stay: if the copy isn't finished after all, the next attempt needs them.
    func sweepLedger(of part: CollectionPart, attempt: Int) async throws

    /// Whether an attempt before `attempt` has noted keys that it has not noted again.
    func hasStaleNotes(of part: CollectionPart, attempt: Int) async throws -> Bool

    /// Forgets the notes, once the copy is known to be finished.
    func forgetLedger(of part: CollectionPart) async throws

    func close() async
}

/// The target as a whole: what preflight, set-up and cleaning up need of it.
package protocol TargetDatabase: Sendable {
    /// Creates the collections that are missing. (One made after a transaction began can't be written in it.)
    func createCollections(_ names: [String]) async throws

    /// Which of them hold at least one document.
    func nonEmpty(_ parts: [CollectionPart]) async throws -> Set<CollectionPart>

    /// Which of the collections have a collation of their own, by which `_id` is compared too.
    func collated(_ collections: Set<String>) async throws -> Set<String>

    /// Deletes all documents. For whoever holds the pipeline's lock, while no stream runs.
    func empty(_ part: CollectionPart) async throws

    /// Keys, each `{_id: …}`, in the order of `_id` across all its types (but MaxKey, which no row has): the first `limit`
    /// behind `key`.
    func keys(of part: CollectionPart, after key: BSONDocument?, limit: Int) async throws -> [BSONDocument]
}
