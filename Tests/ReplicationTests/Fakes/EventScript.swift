import Model

/// What a stream says, event by event, beginning with the relations of the tables.
struct EventScript: Sendable {
    private(set) var events: [StreamEvent] = []
    private(set) var frames: [Frame] = []
    /// For each frame the end of the transaction it belongs to.
    private var ends: [LSN?] = []
    private var isInTransaction = false
    /// Bytes that every frame has at least.
    private let padding: Int
    private var position: UInt64

    /// Positions are multiples of 10 from `start` on: the commit record of a transaction stands 1 before its end.
    init(_ tables: [SampleTable] = [], start: UInt64 = 1000, padding: Int = 8) {
        self.padding = padding
        position = start
        for table in tables { add(.relation(table.relation)) }
    }

    /// End of the last transaction.
    var end: LSN { LSN(rawValue: position) }

    mutating func add(_ event: StreamEvent) {
        var bytes = [UInt8](repeating: 0, count: max(padding, 8))
        withUnsafeBytes(of: UInt64(events.count)) { bytes.replaceSubrange(0..<8, with: $0) }
        events.append(event)
        frames.append(.data(ByteBlock(copying: bytes), end: end))
        ends.append(isInTransaction ? end : nil)
    }

    /// Transactions that follow stand behind the position, as on a server.
    mutating func keepalive(_ position: UInt64, replyRequested: Bool = false) {
        frames.append(.keepalive(position: LSN(rawValue: position), replyRequested: replyRequested))
        ends.append(nil)
        if !isInTransaction { self.position = max(self.position, position) }
    }

    /// What a server sends to one who starts after `lsn`: every transaction that ends behind it.
    func after(_ lsn: LSN) -> EventScript {
        var rest = self
        let kept = frames.indices.filter { ends[$0].map { $0 > lsn } ?? true }
        rest.frames = kept.map { frames[$0] }
        rest.ends = kept.map { ends[$0] }
        return rest
    }

    /// Its first frames.
    func prefix(_ count: Int) -> EventScript {
        var part = self
        part.frames = Array(frames.prefix(count))
        part.ends = Array(ends.prefix(count))
        return part
    }

    /// Begins the next transaction, to be ended by `commit`.
    mutating func begin() {
        position += 10
        isInTransaction = true
        add(.begin(TransactionStart(commitLSN: commitLSN, commitTime: commitTime, xid: xid)))
    }

    mutating func commit() {
        add(.commit(TransactionEnd(commitLSN: commitLSN, endLSN: end, commitTime: commitTime)))
        isInTransaction = false
    }

    mutating func transaction(_ changes: [Change]) {
        begin()
        for change in changes { add(.change(change)) }
        commit()
    }

    var xid: UInt32 { UInt32(truncatingIfNeeded: position) }
    var commitLSN: LSN { LSN(rawValue: position - 1) }
    var commitTime: SourceTime { SourceTime(microseconds: Int64(position)) }
}
