import Model

/// Rows of a table as one snapshot sees them, as documents, waiting for their turn in the stream.
struct Chunk: Sendable {
    /// Every document with its key, of kind `.insert`; of a sweep keys, of kind `.delete`.
    let documents: CollectionWrites
    let snapshot: VisibilitySnapshot
    /// nil for rows that are read again.
    let progress: BackfillStep?
    /// Of documents whose rows are gone.
    var sweep: SweepStep?
    /// The rows that are read again.
    let rereads: [Reread]
    /// Rows that make no document.
    var letters: [DeadLetter] = []
    /// Called once, when the chunk is durable, or nobody will write it any more.
    let settled: @Sendable (Outcome) -> Void

    enum Outcome: Sendable {
        /// With rows that have to be read again all the same, and the number of documents that are removed.
        case written([Reread], removed: Int)
        /// It has to be read again.
        case discarded
        /// It has to be read again in smaller parts: too many of its rows have changed meanwhile.
        case outdated
        /// The target takes none of it, because of one of its rows.
        case refused(Failure)
    }
}
