import BSON
import Model

/// The keys that are held back, as the writer of the stream goes by them: takes out of batches and chunks what is about
/// them, and makes letters of it. One task owns it, and what it decides goes into the same transaction as the rest.
///
/// Both keys of a row whose key changes are held: its document is under one of them, or under none.
struct HeldKeys {
    /// By collection, with the number of letters that hold each.
    private var keys: [String: [BSONDocument: Int]] = [:]
    /// Kept in bounds by it: a letter that holds two keys is taken for gone with each of them. A start counts anew.
    private var letters: Int
    private var lastSequence: Int64
    private let orders: Int64
    private let pipeline: String

    /// - Parameter stored: as the state database holds it.
    init(_ stored: HeldLetters, of pipeline: String) {
        self.pipeline = pipeline
        letters = stored.letters
        lastSequence = stored.lastSequence
        orders = stored.orders
        for (held, count) in stored.keys { keys[held.collection, default: [:]][held.key] = count }
    }

    func contains(_ key: BSONDocument, in collection: String) -> Bool { keys[collection]?[key] != nil }

    /// Whether something of the collection, or of the part of it, is held.
    func holds(_ part: CollectionPart) -> Bool { keys[part.collection]?.keys.contains(where: part.contains) ?? false }

    private mutating func hold(_ key: BSONDocument, in collection: String) {
        keys[collection, default: [:]][key, default: 0] += 0
    }

    // MARK: - Batches

    /// Makes letters of the batch's writes to held keys, and holds the keys of the letters it has.
    ///
    /// - Throws: `Failure(.dataRefused)` when there are more than may be.
    mutating func hold(_ batch: inout WriteBatch) throws {
        for letter in batch.letters { for key in letter.keys { hold(key, in: letter.collection) } }
        let origin = DeadLetter.Origin(lsn: batch.checkpoint.lsn, commitTime: batch.checkpoint.commitTime)
        // A change that was refused while the batch was made comes behind what the batch writes of its key.
        let taken = batch.collections.filter { keys[$0.collection] != nil }.flatMap { takeOut(of: $0, origin) }
        let known = batch.letters.prefix { $0.sequence > 0 }
        batch.letters = known + taken + batch.letters[known.endIndex...]
        batch.letterOrders = orders
        try number(&batch.letters)
    }

    /// The target refuses one write of the batch: it becomes a letter, with whatever else is about its keys.
    mutating func refuse(_ place: Failure.Place, of batch: inout WriteBatch, because reason: String) throws {
        guard let writes = batch.collections.first(where: { $0.collection == place.collection }) else { return }
        let origin = DeadLetter.Origin(lsn: batch.checkpoint.lsn, commitTime: batch.checkpoint.commitTime)
        let write = writes.writes.remove(at: place.position)
        batch.letters.append(letter(of: write, in: writes, reason, origin))
        try number(&batch.letters)
        try hold(&batch)
    }

    private mutating func takeOut(of writes: CollectionWrites, _ origin: DeadLetter.Origin) -> [DeadLetter] {
        var letters: [DeadLetter] = []
        var count = -1
        // Once more while there are new ones: a write that changes a key may hold the key of one before it.
        while let held = keys[writes.collection]?.count, held != count {
            count = held
            var kept: [DocumentWrite] = []
            for write in writes.writes {
                if isHeld(write, in: writes) {
                    letters.append(letter(of: write, in: writes, HeldKeys.followsAnother, origin))
                } else {
                    kept.append(write)
                }
            }
            writes.writes = kept
        }
        return letters
    }

    static let followsAnother = "its key is held back because of another change"

    private func isHeld(_ write: DocumentWrite, in writes: CollectionWrites) -> Bool {
        contains(BSONDocument(unchecked: writes.bytes(write.key)), in: writes.collection)
            || !write.origin.isEmpty
                && contains(BSONDocument(unchecked: writes.bytes(write.origin)), in: writes.collection)
    }

    /// A letter in the place of a write; its keys are held from now on.
    private mutating func letter(
        of write: DocumentWrite, in writes: CollectionWrites, _ reason: String, _ origin: DeadLetter.Origin
    ) -> DeadLetter {
        let ranges = [write.key] + (write.origin.isEmpty ? [] : [write.origin])
        let keys = ranges.map { BSONDocument(unchecked: writes.bytes($0)) }
        for key in keys { hold(key, in: writes.collection) }
        let content: DeadLetter.Content =
            if write.kind == .delete {
                .none
            } else if write.body.count > DeadLetter.mostBytes {
                .tooLarge(write.body.count)
            } else {
                .document(BSONDocument(unchecked: writes.bytes(write.body)))
            }
        return DeadLetter(
            collection: writes.collection, table: writes.table(of: write.key), keys: keys, kind: write.kind.letter,
            reason: reason,
            origin: origin, content: content)
    }

    private mutating func number(_ letters: inout [DeadLetter]) throws {
        for index in letters.indices where letters[index].sequence == 0 {
            lastSequence += 1
            self.letters += 1
            letters[index].sequence = lastSequence
            for key in letters[index].keys {
                keys[letters[index].collection, default: [:]][key, default: 0] += 1
            }
        }
        guard self.letters <= HeldLetters.most else { throw HeldLetters.tooMany(pipeline) }
    }

    // MARK: - Chunks

    /// Leaves rows of held keys out of the chunk, but for those that are retried with it: of these it removes the
    /// letters, and has a new one in their place where the row makes no document.
    mutating func hold(_ chunk: inout ChunkWrite, at checkpoint: Checkpoint) throws {
        for letter in chunk.letters { for key in letter.keys { hold(key, in: letter.collection) } }
        chunk.letterOrders = orders
        let collection = chunk.documents.collection
        let again = Set(chunk.rereads.map(\.key))
        chunk.released = chunk.settled.filter { $0.cause == .retry }.map(\.key).filter {
            !again.contains($0) && contains($0, in: collection)
        }
        let released = Set(chunk.released)
        if let held = keys[collection] {
            let documents = chunk.documents
            let count = documents.writes.count
            documents.writes.removeAll { write in
                let key = BSONDocument(unchecked: documents.bytes(write.key))
                return held[key] != nil && !released.contains(key)
            }
            if documents.writes.count < count { chunk.leavesRowsOut = true }
        }
        try number(&chunk.letters, at: checkpoint)
    }

    /// The target refuses one row of the chunk.
    mutating func refuse(
        _ place: Failure.Place, of chunk: inout ChunkWrite, because reason: String, at checkpoint: Checkpoint
    ) throws {
        let documents = chunk.documents
        let origin = DeadLetter.Origin(lsn: checkpoint.lsn, commitTime: checkpoint.commitTime)
        let write = documents.writes.remove(at: place.position)
        let letter = letter(of: write, in: documents, reason, origin)
        chunk.letters.append(
            DeadLetter(
                collection: letter.collection, table: letter.table, keys: letter.keys, kind: .row, reason: reason,
                origin: origin, content: letter.content))
        try number(&chunk.letters, at: checkpoint)
    }

    private mutating func number(_ letters: inout [DeadLetter], at checkpoint: Checkpoint) throws {
        for index in letters.indices where letters[index].origin == nil {
            letters[index].origin = DeadLetter.Origin(lsn: checkpoint.lsn, commitTime: checkpoint.commitTime)
        }
        try number(&letters)
    }

    // MARK: - Release

    /// The chunk is durable: so are the rows of the keys that it releases, but for those that it has letters of.
    mutating func settle(_ chunk: ChunkWrite) {
        let collection = chunk.documents.collection
        let refused = Set(chunk.letters.flatMap(\.keys))
        for key in chunk.released { release(key, in: collection, but: refused.contains(key) ? 1 : 0) }
    }

    /// It is empty.
    mutating func release(_ part: CollectionPart) {
        for key in (keys[part.collection] ?? [:]).keys where part.contains(key) { release(key, in: part.collection) }
    }

    /// - Parameter left: how many letters hold the key still.
    private mutating func release(_ key: BSONDocument, in collection: String, but left: Int = 0) {
        guard let count = keys[collection]?[key] else { return }
        letters = max(0, letters - count + left)
        keys[collection]?[key] = left > 0 ? left : nil
        if keys[collection]?.isEmpty == true { keys[collection] = nil }
    }
}

extension DocumentWrite.Kind {
    fileprivate var letter: DeadLetter.Kind {
        switch self {
        case .delete: .delete
        case .insert: .insert
        case .replace, .set, .move: .update
        }
    }
}
