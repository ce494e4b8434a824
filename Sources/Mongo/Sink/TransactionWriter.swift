import BSON
import Model

/// Writes the documents of one collection into an open transaction.
///
/// Order of kinds: deletes, then replacements, then sets, then inserts, each as one bulk: a value of a unique index is
/// given up before it is taken, wherever the source's own order allows.
struct TransactionWriter {
    let connection: MongoConnection
    let session: MongoSession
    let database: String
    /// Only the writes at these positions; nil for all. For those of a backfill, which are inserts and deletes.
    var part: Range<Int>?

    /// - Returns: how many documents are deleted; 0 of a rebuild, which deletes others too.
    /// - Throws: `CollectionError` around a `MongoError`; `Failure(.dataRefused)` when a document that the stream
    ///   updates in part is missing, and neither the backfill nor an application is to bring it yet.
    @discardableResult
    func write(_ writes: CollectionWrites, mode: WriteMode) throws -> Int {
        do {
            let inserts = mode == .insertFirst && !writes.expectsDocuments
            if mode != .rebuild { return try write(writes, inserts: inserts) }
            try rebuild(writes)
            return 0
        } catch let error as MongoError {
            throw CollectionError(collection: writes.collection, error: error)
        }
    }

    /// - Parameter inserts: whether the keys of inserts are taken to be new, without looking.
    private func write(_ writes: CollectionWrites, inserts: Bool) throws -> Int {
        // Before the deletes: a moved document is read where it still is.
        let moved = try wholeDocuments(writes, of: [.move])
        let taken = inserts ? [] : try takenInserts(writes)
        let removed = try bulk(writes) { bulk, write, _ in
            if write.kind == .delete { try remove(writes, write, in: bulk) }
        }
        try bulk(writes) { bulk, write, index in
            switch write.kind {
            case .replace: try replace(writes, write, write.body, in: bulk)
            case .insert where taken.contains(index): try replace(writes, write, write.body, in: bulk)
            case .move:
                if let document = moved[index] {
                    try writes.withBytes(write.key) { key in
                        try document.bytes.withUnsafeBytes { try replace(key, with: $0, writes, in: bulk) }
                    }
                }
            default: break
            }
        }
        try setFields(writes, thatMayMiss: false)
        if writes.mayMissSome { try setFields(writes, thatMayMiss: true) }
        try bulk(writes) { bulk, write, index in
            if write.kind == .insert, !taken.contains(index) {
                try writes.withBytes(write.body) { try bulk.insert($0) }
            }
        }
        return removed
    }

    /// The positions of inserts whose keys are taken. An upsert costs several times what an insert does, so that
    /// looking first is worth it even where many are there.
    private func takenInserts(_ writes: CollectionWrites) throws -> Set<Int> {
        let inserts = (part ?? writes.writes.indices).filter { writes.writes[$0].kind == .insert }
        return try TakenKeys(connection: connection, session: session, database: database)
            .find(among: inserts, of: writes)
    }

    /// Deletes every key of the batch, then inserts what there shall be.
    private func rebuild(_ writes: CollectionWrites) throws {
        let completed = try wholeDocuments(writes, of: [.move, .set])
        // Calls `body` with the whole document, where there is one.
        func withDocument(_ write: DocumentWrite, _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
        {
            switch write.kind {
            case .delete: break
            case .replace, .insert: try writes.withBytes(write.body, body)
            case .set, .move: try completed[index]?.bytes.withUnsafeBytes(body)
            }
        }
        guard let guardField = writes.guardField else {
            try bulk(writes) { bulk, write, _ in try writes.withBytes(write.key) { try bulk.remove($0) } }
            try bulk(writes) { bulk, write, index in try withDocument(write, index) { try bulk.insert($0) } }
            return
        }
        let newer = LastModifiedGuard(field: guardField)
        try bulk(writes) { bulk, write, index in
            if write.kind == .delete { try remove(writes, write, in: bulk) }
            try withDocument(write, index) { document in
                let key = BSONDocument(unchecked: writes.bytes(write.key))
                try newer.selector(key, unlessNewerThan: document).bytes.withUnsafeBytes { try bulk.remove($0) }
            }
        }
        try bulk(writes) { bulk, write, index in
            try withDocument(write, index) { document in
                try writes.withBytes(write.key) { try replace($0, with: document, writes, in: bulk) }
            }
        }
    }

    private func remove(_ writes: CollectionWrites, _ write: DocumentWrite, in bulk: MongoBulk) throws {
        guard let guardField = writes.guardField, !write.body.isEmpty else {
            return try writes.withBytes(write.key) { try bulk.remove($0) }
        }
        let key = BSONDocument(unchecked: writes.bytes(write.key))
        let newer = LastModifiedGuard(field: guardField)
        let selector = try writes.withBytes(write.body) { body in
            guard writes.isSweep else { return try newer.selector(key, unlessNewerThan: body) as BSONDocument? }
            return try newer.moment(of: body).map { newer.selector(key, notAfter: $0) }
        }
        try selector?.bytes.withUnsafeBytes { try bulk.remove($0) }
    }

    /// - Returns: how many documents are deleted.
    @discardableResult
    private func bulk(_ writes: CollectionWrites, _ add: (MongoBulk, DocumentWrite, Int) throws -> Void) throws -> Int {
        let bulk = try PlacedBulk(connection.bulk(database, writes.collection, session: session), of: writes)
        for index in part ?? writes.writes.indices { try bulk.add(index) { try add(bulk.bulk, $0, index) } }
        return try bulk.execute()?.removed ?? 0
    }

    private func replace(
        _ writes: CollectionWrites, _ write: DocumentWrite, _ body: Range<Int>, in bulk: MongoBulk
    ) throws {
        try writes.withBytes(write.key) { key in
            try writes.withBytes(body) { try replace(key, with: $0, writes, in: bulk) }
        }
    }

    private func replace(
        _ key: UnsafeRawBufferPointer, with document: UnsafeRawBufferPointer, _ writes: CollectionWrites,
        in bulk: MongoBulk
    ) throws {
        guard let replacement = try writes.replacement(document) else { return try bulk.replace(key, with: document) }
        try replacement.bytes.withUnsafeBytes { try bulk.update(key, $0, upsert: true) }
    }

    private func setFields(_ writes: CollectionWrites, thatMayMiss mayMiss: Bool) throws {
        let bulk = try PlacedBulk(connection.bulk(database, writes.collection, session: session), of: writes)
        // Nothing sent is nothing to do, and MongoDB would take an empty update document for a replacement by nothing.
        let emptyDocument = 5
        for index in writes.writes.indices {
            try bulk.add(index) { write in
                guard write.kind == .set, write.body.count > emptyDocument, writes.mayMiss(write) == mayMiss else {
                    return
                }
                try writes.withBytes(write.body) { fields in
                    let update = try writes.update(fields)
                    try writes.withBytes(write.key) { key in
                        try update.bytes.withUnsafeBytes { try bulk.bulk.update(key, $0, upsert: false) }
                    }
                }
            }
        }
        guard let outcome = try bulk.execute() else { return }
        if outcome.matched < bulk.count, !mayMiss {
            throw missing(bulk.count - outcome.matched, in: writes.collection)
        }
    }

    /// The whole documents that partial writes make, by position in `writes`. They live as long as this attempt.
    private func wholeDocuments(_ writes: CollectionWrites, of kinds: Set<DocumentWrite.Kind>) throws
        -> [Int: BSONDocument]
    {
        let partial = writes.writes.indices.filter { kinds.contains(writes.writes[$0].kind) }
        var whole: [Int: BSONDocument] = [:]
        for index in partial {
            let write = writes.writes[index]
            guard let found = try base(of: write, in: writes) else {
                if writes.mayMiss(write) { continue }
                throw missing(1, in: writes.collection)
            }
            whole[index] = try writes.complete(found, with: write)
        }
        return whole
    }

    /// The document that a partial write completes; nil when there is none.
    ///
    /// Where an application writes too it may have moved the document already, and even begun another one under the key
    /// it had: then the one under the new key is taken, and nothing when that has still to come.
    private func base(of write: DocumentWrite, in writes: CollectionWrites) throws -> BSONDocument? {
        func find(_ key: Range<Int>) throws -> BSONDocument? {
            let filter = BSONDocument(unchecked: writes.bytes(key))
            return try connection.find(database, writes.collection, filter: filter, limit: 1, session: session).first
        }
        guard write.kind == .move else { return try find(write.key) }
        guard let guardField = writes.guardField else { return try find(write.origin) }
        let newer = LastModifiedGuard(field: guardField)
        func moment(of document: BSONDocument?) throws -> Int64? {
            try document?.bytes.withUnsafeBytes { try newer.moment(of: $0) }
        }
        let sent = try writes.withBytes(write.body) { try newer.moment(of: $0) }
        let moved = try find(write.key)
        if let moment = try moment(of: moved), sent.map({ moment >= $0 }) ?? true { return moved }
        let origin = try find(write.origin)
        return LastModifiedGuard.isNewer(try moment(of: origin), than: sent) ? nil : origin
    }

    private func missing(_ count: Int, in collection: String) -> Failure {
        Failure(
            .dataRefused,
            "\(count) document\(count == 1 ? " is" : "s are") missing in collection \(collection): the source changed "
                + "part of a row, and there is nothing to change",
            hint:
                "Something else has deleted documents in the target, or backfill.mode: none has never brought them. Nothing "
                + "was skipped: have the table read with `wherry backfill`, or restore them, and start again. (Before "
                + "PostgreSQL 14: `wherry drop`.)")
    }
}

/// A `MongoError` and the collection it happened in.
struct CollectionError: Error {
    let collection: String
    let error: MongoError
    /// Of the write that is refused, among the collection's; nil when the server has not said.
    var position: Int?
}

/// A bulk that remembers which write each of its operations is of.
private final class PlacedBulk {
    let bulk: MongoBulk
    private let writes: CollectionWrites
    private var positions: [Int] = []

    init(_ bulk: MongoBulk, of writes: CollectionWrites) {
        self.bulk = bulk
        self.writes = writes
    }

    var count: Int { bulk.count }

    /// Calls `body`, which adds as many operations as it likes.
    func add(_ position: Int, _ body: (DocumentWrite) throws -> Void) throws {
        try body(writes.writes[position])
        while positions.count < bulk.count { positions.append(position) }
    }

    /// - Returns: nil when there is nothing to do.
    func execute() throws -> MongoBulk.Outcome? {
        if bulk.count == 0 { return nil }
        do { return try bulk.execute() } catch let error as MongoError {
            let place = error.writeErrors.first?.index ?? -1
            throw CollectionError(
                collection: writes.collection, error: error,
                position: positions.indices.contains(place) ? positions[place] : nil)
        }
    }
}
