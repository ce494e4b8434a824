import BSON

/// What one MongoDB transaction writes: the net effect of some changes, each key once, and the checkpoint after them.
package struct WriteBatch: Sendable {
    package let checkpoint: Checkpoint
    package let collections: [CollectionWrites]
    package let counts: Counts
    /// Rows that have to be read again, noted in the same transaction.
    package var rereads: [Reread] = []
    /// Changes that can't be written, kept in the same transaction.
    package var letters: [DeadLetter] = []
    /// `HeldLetters.orders` as the letters go by it: when something was asked since, nothing of the batch is written.
    package var letterOrders: Int64 = 0

    /// Whether there is more than a newer position.
    package var hasWrites: Bool { !collections.isEmpty || !rereads.isEmpty || !letters.isEmpty }

    package struct Counts: Hashable, Sendable {
        /// Changes of the source in it, coalesced or not; of a table with several collections once for each.
        package var changes = 0
        /// Source transactions that end in it.
        package var transactions = 0
        /// Writes after coalescing.
        package var writes = 0
        /// Changes folded into the write of an earlier change of their key.
        package var coalesced = 0
        /// Whether its checkpoint lies inside a source transaction, and this is the first batch of that transaction.
        package var startsSplitTransaction = false

        package init() {}
    }

    package init(checkpoint: Checkpoint, collections: [CollectionWrites], counts: Counts) {
        self.checkpoint = checkpoint
        self.collections = collections
        self.counts = counts
    }
}

/// The writes of one batch to one collection.
///
/// `@unchecked Sendable`: one task builds it, and only then hands it on; nobody changes it afterwards.
package final class CollectionWrites: @unchecked Sendable {
    package let collection: String
    /// The tables whose rows they are, by the part of the collection that each has.
    package var tables: [CollectionPart: TableName] = [:]
    /// Some field name holds a dot or starts with `$`: plain replacements and `$set` would misread it.
    package var hasSpecialNames: Bool
    /// Parts of which a backfill has not brought every document yet: one that a partial change doesn't find there isn't
    /// missing.
    package var incomplete: [CollectionPart] = []
    /// Its deletes are of documents that have no row: one that doesn't say how old it is stays.
    package var isSweep = false
    /// The field that says when a document was last written: where the document's is newer than the write's, the
    /// document stays as it is. nil: whatever is written wins. Deletes are guarded where they have a body.
    package let guardField: String?
    /// Documents may be there already: they are looked for at once, instead of tried as inserts first.
    package let expectsDocuments: Bool
    /// The bytes that the ranges of `writes` lie in.
    ///
    /// This and `writes` are asked for several times a row, and nobody else has the object meanwhile: without the checks
    /// of that a change costs a tenth less.
    @exclusivity(unchecked) package var arena: BSONWriter
    @exclusivity(unchecked) package var writes: [DocumentWrite] = []

    package init(
        collection: String, hasSpecialNames: Bool, guardField: String? = nil, expectsDocuments: Bool = false,
        capacity: Int = 1024
    ) {
        self.collection = collection
        self.hasSpecialNames = hasSpecialNames
        self.guardField = guardField
        self.expectsDocuments = expectsDocuments
        self.arena = BSONWriter(capacity: capacity)
    }

    /// Lends the bytes of one document; the pointer is valid inside `body` only.
    @inlinable package func withBytes<Result>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try arena.withUnsafeBytes(in: range, body)
    }

    package func bytes(_ range: Range<Int>) -> [UInt8] { arena.bytes(in: range) }

    /// The table whose row has this key; nil when none is known.
    package func table(of key: Range<Int>) -> TableName? {
        tables.first { part, _ in withBytes(key) { part.contains($0) } }?.value
    }

    /// The base document with the overlay's fields in place of its own, as a new document in the arena.
    package func merge(_ base: Range<Int>, _ overlay: Range<Int>) throws -> Range<Int> {
        // Copies, because the arena may move while it grows.
        let (baseBytes, overlayBytes) = (bytes(base), bytes(overlay))
        return try baseBytes.withUnsafeBytes { base in
            try overlayBytes.withUnsafeBytes { try mergeDocuments(base: base, overlay: $0, into: &arena) }
        }
    }
}

/// Rows of a backfill for one collection, and the progress they make: one MongoDB transaction, conditional on the
/// checkpoint that the stream has reached.
package struct ChunkWrite: Sendable {
    /// Of kind `.insert` or `.delete`, with their keys.
    package let documents: CollectionWrites
    /// nil for rows that were read again.
    package let progress: BackfillStep?
    /// Of documents that are removed because their rows are gone.
    package let sweep: SweepStep?
    /// Rows whose newest version nobody has sent whole: the chunk has them as they were before, the stream sent a part.
    package let rereads: [Reread]
    /// Rows that needed to be read again and are settled by this chunk, unless they are in `rereads` once more.
    package let settled: [Reread]
    /// Rows that can't be written, kept in the same transaction.
    package var letters: [DeadLetter]
    /// Keys (`{_id: …}`) whose letters go: they are held back no more, but for those of `letters`.
    package var released: [BSONDocument] = []
    /// As in `WriteBatch`, with letters or where rows are left out because their keys are held.
    package var letterOrders: Int64 = 0
    package var leavesRowsOut = false

    package init(
        documents: CollectionWrites, progress: BackfillStep?, sweep: SweepStep? = nil, rereads: [Reread],
        settled: [Reread], letters: [DeadLetter] = []
    ) {
        self.letters = letters
        self.documents = documents
        self.progress = progress
        self.sweep = sweep
        self.rereads = rereads
        self.settled = settled
    }
}

/// One document's net write. Ranges are byte ranges of BSON documents in the arena.
package struct DocumentWrite: Sendable {
    package enum Kind: UInt8, Sendable {
        /// Remove the document with this key, if it is there.
        case delete
        /// Put the whole document, whatever is there.
        case replace
        /// Put the whole document; nothing is expected there.
        case insert
        /// Set the fields in `body`, keep the others: the row had unchanged TOAST values. The document must be there.
        case set
        /// As `set`, but the fields that are kept come from the document at `origin`, which this batch deletes: a key
        /// change that carried an unchanged TOAST value.
        case move
    }

    package var kind: Kind
    /// The document `{_id: …}`.
    package var key: Range<Int>
    /// A whole document (replace, insert) or the sent fields without `_id` (set, move). For delete empty, or the
    /// guard's field alone: a document that is newer stays.
    package var body: Range<Int>
    /// The `{_id: …}` that the row had before its key changed. For `move`: to take the missing fields from, as it was
    /// before the batch.
    package var origin: Range<Int>

    package init(kind: Kind, key: Range<Int>, body: Range<Int> = 0..<0, origin: Range<Int> = 0..<0) {
        self.kind = kind
        self.key = key
        self.body = body
        self.origin = origin
    }
}
