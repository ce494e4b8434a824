/// The source's half of a live backfill: tables read in chunks, each with the snapshot it was read under, beside the
/// stream.
package protocol ChunkSource: Sendable {
    /// Divides a table into ranges of its key that can be read in parallel: at least one, at most about a hundred. From
    /// left to right they cover every key exactly once: the first is open below, the last above. A partitioned table is
    /// divided leaf by leaf, the largest first: at least one range each, and about a hundred more in all.
    ///
    /// From statistics or a small sample: never walks the table.
    ///
    /// - Parameters:
    ///   - key: The key's columns in its order: unique, and none of them null.
    ///   - where: An SQL condition of the operator's; only checked here.
    /// - Throws: `Failure` of kind `.usage` for a condition the server doesn't take; `.copyInterrupted` when the table
    ///   has changed; `.denied`, `.sourceInterrupted`.
    func planSegments(_ table: TableVersion, key: [String], where: String?) async throws -> [KeyRange]

    /// Opens a session of its own.
    ///
    /// - Throws: `Failure` of kind `.unreachable`, `.denied`, `.configuration`, `.sourceInterrupted`.
    func openChunkReader() async throws -> any ChunkReader

    /// Whether a condition can be judged by a table's key alone: of a row that is gone nothing else is known.
    func isDecidedByKey(_ condition: String, of table: TableVersion, key: [String]) async throws -> Bool

    /// Opens a session of its own.
    ///
    /// - Throws: as `openChunkReader`.
    func openKeyProbe() async throws -> any KeyProbe

    /// What a snapshot taken now would see.
    func currentSnapshot() async throws -> VisibilitySnapshot

    /// Commits a transactional logical message of prefix `wherry` whose content is `token`: the stream brings it after
    /// everything that had committed before. After a lost connection it may come twice.
    ///
    /// - Returns: Where the message lies in the log; its commit lies behind it.
    /// - Throws: `Failure` of kind `.configuration` on a hot standby, which writes no log.
    func emit(token: String) async throws -> LSN

    /// What the source says of itself and its standbys now.
    func load() async throws -> SourceLoad

    /// Every transaction that has written and isn't over, the oldest first.
    func runningTransactions() async throws -> [RunningTransaction]

    /// A fresh transaction id, already ended when this returns: once a snapshot's `xmin` is beyond it, everything that
    /// was running now is visible or rolled back.
    ///
    /// - Throws: `Failure` of kind `.configuration` on a hot standby.
    func assignTransactionID() async throws -> UInt64
}

/// Keys after `after`, up to and including `through`; nil is open. With a leaf only those of that leaf.
///
/// A bound holds the values of the key's first columns in its order, as text of their output functions: all of them, or
/// fewer. A key is compared with a bound by as many columns as the bound has: with the key (a, b), `after: [x]` is
/// a > x and `through: [x]` is a <= x, whatever b; `after: [x, y]` is (a, b) > (x, y).
package struct KeyRange: Hashable, Sendable {
    package var after: [String]?
    package var through: [String]?
    /// Of a partitioned table; nil is the table itself.
    package var leaf: Partition?

    package init(after: [String]? = nil, through: [String]? = nil, leaf: Partition? = nil) {
        self.after = after
        self.through = through
        self.leaf = leaf
    }
}

/// One session that reads chunks, one after the other; one owner. Everything throws `Failure` or `CancellationError`,
/// and after either the reader can start anew. `.chunkInterrupted`: the chunk is simply to be read again, after a
/// pause;
/// `.copyInterrupted`: it is to be read again with the table as it is now; `.sourceInterrupted`: the session is lost, and
/// with the next start the reader opens another, or throws what `openChunkReader` throws.
package protocol ChunkReader: Sendable {
    /// Begins a chunk: the range's first `limit` rows in key order. What was begun before is given up.
    ///
    /// In one REPEATABLE READ READ ONLY transaction the table is locked (ACCESS SHARE), then the snapshot is taken, and
    /// the chunk read under it. A lock that isn't had within ten seconds is `.chunkInterrupted`. Of a leaf it is the
    /// leaf that is locked and read; a leaf that is gone, or not part of the table any more, is an empty chunk.
    ///
    /// - Parameter where: An SQL condition of the operator's on the table's columns; `limit` counts the rows before it.
    /// - Throws: `.copyInterrupted` when the table is not the one of `table` any more, or its columns aren't; `.usage`
    ///   for a condition the server doesn't take.
    func start(
        _ table: TableVersion, key: [String], range: KeyRange, limit: Int, where: String?
    ) async throws -> ChunkStart

    /// Begins a chunk of single rows, by whole keys as in `KeyRange`; those that aren't there are left out.
    func start(_ table: TableVersion, key: [String], keys: [[String]]) async throws -> ChunkStart

    /// The next rows of the chunk in no particular order, at least one, and more until `maxBytes` are reached or the
    /// server pauses; empty at the end, and the transaction is then over.
    func next(maxBytes: Int) async throws -> [Row]

    func close() async
}

/// A chunk that has begun.
package struct ChunkStart: Hashable, Sendable {
    /// What its rows were read under.
    package let snapshot: VisibilitySnapshot
    /// The whole key of the chunk's last row, after which the next chunk begins; nil when the chunk reaches the range's
    /// own end.
    package let end: [String]?

    package init(snapshot: VisibilitySnapshot, end: [String]?) {
        self.snapshot = snapshot
        self.end = end
    }
}
