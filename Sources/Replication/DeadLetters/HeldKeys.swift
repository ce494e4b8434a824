import BSON
import Model

/// The keys that are held back, as the writer of the stream goes by them: takes out of batches and chunks what is about
/// them, and makes letters of it. One task owns it, and what it decides goes into the same transaction as the rest.
///
/// Both keys of a row whose key changes are held: its document is under one of them, or under none.
struct HeldKeys {
    private var keys: [String: Set<BSONDocument>] = [:]
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
        for held in stored.keys { hold(held.key, in: held.collection) }
    }

    func contains(_ key: BSONDocument, in collection: String) -> Bool { keys[collection]?.contains(key) ?? false }

    /// Whether something of the collection is held.
    func holds(_ collection: String) -> Bool { keys[collection] != nil }

    private mutating func hold(_ key: BSONDocument, in collection: String) {
        keys[collection, default: []].insert(key)
    }

    // MARK: - Batches

    /// Makes letters of the batch's writes to held keys, and holds the keys of the letters it has.
    ///
    /// - Throws: `Failure(.dataRefused)` when there are more than may be.
    mutating func hold(_ batch: inout WriteBatch) throws {
        for letter in batch.letters { for key in letter.keys { hold(key, in: letter.collection) } }
        let origin = DeadLetter.Origin(lsn: batch.checkpoint.lsn, commitTime: batch.checkpoint.commitTime)
        for writes in batch.collections where holds(writes.collection) {
            batch.letters += takeOut(of: writes, origin)
        }
        batch.letterOrders = orders
        try number(&batch.letters)
    }

    /// The target refuses one write of the batch: it becomes a letter, with whatever else is about its keys.
    mutating func refuse(_ place: Failure.Place, of batch: inout WriteBatch, because reason: String) throws {
        guard let writes = batch.collections.first(where: { $0.collection == place.collection }) else { return }
        let origin = DeadLetter.Origin(lsn: batch.checkpoint.lsn, commitTime: batch.checkpoint.commitTime)
        let write = writes.writes.remove(at: place.position)
        batch.letters.append(letter(of: write, in: writes, reason, origin))
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

    private static let followsAnother = "its key is held back because of an earlier change"

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
            collection: writes.collection, table: writes.table, keys: keys, kind: write.kind.letter, reason: reason,
            origin: origin, content: content)
    }

    private mutating func number(_ letters: inout [DeadLetter]) throws {
        for index in letters.indices where letters[index].sequence == 0 {
            lastSequence += 1
            self.letters += 1
            letters[index].sequence = lastSequence
        }
        guard self.letters <= HeldLetters.most else { throw HeldLetters.tooMany(pipeline) }
    }

    // MARK: - Chunks

    /// Leaves rows of held keys out of the chunk, but for those that are retried with it: these it releases, unless
    /// they can't be made into documents.
    mutating func hold(_ chunk: inout ChunkWrite, at checkpoint: Checkpoint) throws {
        for letter in chunk.letters { for key in letter.keys { hold(key, in: letter.collection) } }
        chunk.letterOrders = orders
        let refused = Set(chunk.letters.flatMap(\.keys))
        let collection = chunk.documents.collection
        let again = Set(chunk.rereads.map(\.key))
        chunk.released = chunk.settled.filter { $0.cause == .retry }.map(\.key).filter {
            !refused.contains($0) && !again.contains($0) && contains($0, in: collection)
        }
        let released = Set(chunk.released)
        if let held = keys[collection] {
            let documents = chunk.documents
            documents.writes.removeAll { write in
                let key = BSONDocument(unchecked: documents.bytes(write.key))
                return held.contains(key) && !released.contains(key)
            }
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
        chunk.released.removeAll { letter.keys.contains($0) }
        try number(&chunk.letters, at: checkpoint)
    }

    private mutating func number(_ letters: inout [DeadLetter], at checkpoint: Checkpoint) throws {
        for index in letters.indices where letters[index].origin == nil {
            letters[index].origin = DeadLetter.Origin(lsn: checkpoint.lsn, commitTime: checkpoint.commitTime)
        }
        try number(&letters)
    }

    // MARK: - Release

    /// The keys are durable as their rows are.
    mutating func release(_ released: [BSONDocument], in collection: String) {
        keys[collection]?.subtract(released)
        if keys[collection]?.isEmpty == true { keys[collection] = nil }
    }

    /// The collection is empty.
    mutating func release(_ collection: String) { keys[collection] = nil }
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
