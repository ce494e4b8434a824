import Model

/// Which keys the applied changes have touched that a chunk's snapshot may not see yet. A row of such a chunk is older
/// than what the stream has written, whatever the positions in the log say: PostgreSQL writes a commit, and the stream
/// delivers it, before snapshots see the transaction.
///
/// One task owns it: it is told every change as it is applied, in the order of commits, and judges the rows of every
/// chunk. Only collections in backfill are tracked. A collection has to be tracked before the floor of its first chunk
/// is chosen; transactions applied before that, also those before a restart, the log knows nothing of: its owner waits
/// until a snapshot sees them before the first chunk is read.
///
/// A touch needs at most 60 bytes and its key one and a half times: more than a million touches in 100 MiB. While it
/// grows, an array is there twice for a moment.
struct TouchLog {
    enum Verdict: Hashable, Sendable {
        /// Nobody has touched the key since: the chunk's row is the newest.
        case write
        /// What the stream has written, or deleted, is newer than the chunk's row.
        case skip
        /// Only parts of newer rows are known: neither is whole. The row has to be read again by its key.
        case readAgain
    }

    private var tables: [String: TouchTable] = [:]
    private var floor: VisibilitySnapshot?
    private let byteLimit: Int

    /// Bytes allocated for keys, touches and their index, used or not yet.
    private(set) var byteCount = 0

    init(byteLimit: Int) { self.byteLimit = byteLimit }

    /// Whether it is time to cancel the chunks and `clear()`.
    var isOverLimit: Bool { byteCount > byteLimit }

    mutating func track(_ collection: String) {
        if tables[collection] == nil { tables[collection] = TouchTable() }
    }

    /// Forgets what every chunk sees, and keeps no such touch from now on.
    ///
    /// - Parameter snapshot: the oldest that an outstanding or requested chunk has, or will at least have. It sees all
    ///   that the floor before it saw.
    mutating func setFloor(_ snapshot: VisibilitySnapshot) {
        floor = snapshot
        for collection in tables.keys { update(collection) { $0.forget(upTo: snapshot) } }
    }

    /// Remembers that a transaction has changed a row: inserted, updated, deleted, or moved to or away from the key.
    ///
    /// - Parameters:
    ///   - key: the bytes of `{_id: …}`.
    ///   - xid: the top-level transaction's id, 64 bits.
    ///   - isPartial: the change left values out (unchanged TOAST), and the document has not been written whole by it.
    mutating func touch(_ key: some Collection<UInt8>, in collection: String, by xid: UInt64, isPartial: Bool) {
        if let floor, floor.sees(xid) { return }
        update(collection) { table in
            withBytes(of: key) { table.touch($0, by: xid, isPartial: isPartial) }
        }
    }

    /// Remembers that a transaction has truncated a table: every row of a snapshot that does not see it is gone.
    mutating func touchAll(in part: CollectionPart, by xid: UInt64) {
        if let floor, floor.sees(xid) { return }
        update(part.collection) { $0.touchAll(in: part, by: xid) }
    }

    /// What becomes of a chunk's row.
    ///
    /// - Parameter snapshot: the chunk's; it sees all that the floor sees.
    func verdict(
        on key: some Collection<UInt8>, in collection: String, for snapshot: VisibilitySnapshot
    ) -> Verdict {
        guard let table = tables[collection] else { return .write }
        return withBytes(of: key) { table.verdict(on: $0, for: snapshot) }
    }

    /// Forgets every touch; what is tracked stays tracked. All chunks are cancelled before, and none is read again
    /// until a snapshot sees every transaction applied so far: what is forgotten here is known nowhere else.
    mutating func clear() {
        for collection in tables.keys { update(collection) { $0 = TouchTable() } }
    }

    private mutating func update(_ collection: String, _ body: (inout TouchTable) -> Void) {
        guard let index = tables.index(forKey: collection) else { return }
        byteCount -= tables.values[index].byteCount
        body(&tables.values[index])
        byteCount += tables.values[index].byteCount
    }
}

private func withBytes<Result>(of key: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    key.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) } ?? Array(key).withUnsafeBytes(body)
}
