import Model

/// Rows that have to be read again before their documents are what the stream has brought, as the preparer of the
/// stream knows them: with the transaction that a snapshot has to see for each.
///
/// They stand in the state database too. When they become too many, they are forgotten here: then every chunk to come
/// has to see all transactions so far, and whether one is left only the state database says.
struct PendingRereads {
    private struct Entry {
        /// The transaction that a snapshot has to see for it; 0 for what every snapshot to come sees.
        var xid: UInt64
        /// Another one each time there is a reason: what has been read for the one before settles it no more.
        var number: Int
        var cause: Reread.Cause
    }

    private var entries: [Reread: Entry] = [:]
    private var lastNumber = 0
    private let limit: Int
    /// How often rows have been forgotten here, or left out from the beginning, that are still to be read.
    private(set) var spills: Int

    /// Rows that are known one by one, each a few hundred bytes.
    static let most = 50_000

    /// - Parameters:
    ///   - rereads: from before this stream.
    ///   - areAll: whether there are no others.
    init(_ rereads: Set<Reread>, areAll: Bool = true, limit: Int = PendingRereads.most) {
        self.limit = limit
        spills = areAll ? 0 : 1
        for reread in rereads { note(reread) }
    }

    /// Those that somebody has asked for, in `entries` too.
    private var retried: Set<Reread> = []

    /// Whether it is time to `spill()`.
    var isOverLimit: Bool { entries.count - retried.count > limit }

    /// Whether there is none, of which those count as read that were forgotten so many times.
    func isEmpty(settling spills: Int) -> Bool { entries.isEmpty && self.spills == spills }

    func contains(_ reread: Reread) -> Bool { entries[reread] != nil }

    /// Whether the row's document lacks something that the stream has brought: a further part of the row can't be
    /// written into it.
    func isStale(_ reread: Reread) -> Bool { spills > 0 || entries[reread]?.cause.isStale == true }

    /// The transaction that a snapshot has to see for the row; nil when it is not known to be pending.
    func xid(of reread: Reread) -> UInt64? { entries[reread]?.xid }

    /// - Parameter xid: nil for what every snapshot to come sees, unless it waits for one already.
    /// - Returns: the row with all that is known of its cause.
    @discardableResult
    mutating func note(_ reread: Reread, until xid: UInt64? = nil) -> Reread {
        lastNumber += 1
        let known = entries[reread]
        let cause =
            [Reread.Cause.retry, .change, .copy].first { $0 == known?.cause || $0 == reread.cause } ?? .backfill
        if cause == .retry { retried.insert(reread) }
        entries[reread] = Entry(xid: xid ?? known?.xid ?? 0, number: lastNumber, cause: cause)
        return Reread(collection: reread.collection, key: reread.key, cause: cause)
    }

    /// A change of the row, of whatever kind. Where somebody has asked for the row the stream writes none: it is held
    /// back, and only a snapshot that sees the transaction has it.
    ///
    /// - Returns: whether that is so.
    mutating func isRetried(_ reread: Reread, until xid: UInt64) -> Bool {
        guard retried.contains(reread) else { return false }
        entries[reread]?.xid = xid
        return true
    }

    var hasRetried: Bool { !retried.isEmpty }

    /// What settles the row when it has been read for what is known of it now.
    func settling(_ reread: Reread) -> SettledReread? {
        entries[reread].map { SettledReread(reread: reread, number: $0.number) }
    }

    /// Forgets rows that have been read again and written, and have not come to be pending once more since.
    mutating func forget(_ settled: [SettledReread]) {
        for settled in settled where entries[settled.reread]?.number == settled.number {
            entries[settled.reread] = nil
            retried.remove(settled.reread)
        }
    }

    /// Forgets all that nobody has asked for. No chunk may be written from now on that does not see every transaction
    /// so far.
    mutating func spill() {
        entries = entries.filter { retried.contains($0.key) }
        spills += 1
    }

    /// All of them are read.
    mutating func finish() { spills = 0 }
}

/// A row that has been read again and written, for the reason that had this number.
struct SettledReread: Sendable {
    let reread: Reread
    let number: Int
}
