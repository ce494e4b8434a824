/// How far the live backfill of one table is: written in the same MongoDB transaction as the rows it covers, so that a
/// start after any crash goes on at the chunk.
package struct BackfillState: Hashable, Sendable {
    package let table: TableName
    /// The table's key ranges, as they were planned; together they cover every key.
    package var segments: [SegmentState]
    /// Rows read and handed on so far, also those that the stream had newer already.
    package var rows: Int
    package var startedAt: SourceTime
    /// A transaction id: before a snapshot's `xmin` has reached it no chunk is read. Whatever the stream had brought
    /// before the backfill began, or was committed when the slot was made, has a smaller one.
    package let floor: UInt64
    /// Documents may be there already: an earlier copy has brought some.
    package let isAgain: Bool

    /// One key range `(after, through]` of the table, read in the order of the key. Keys are PostgreSQL's text of their
    /// columns, in key order; nil is open.
    package struct SegmentState: Hashable, Sendable {
        package let after: [String]?
        package let through: [String]?
        /// The last key that is done; nil before the first chunk. Everything up to it is done.
        package var position: [String]?
        package var isDone: Bool

        package init(after: [String]?, through: [String]?, position: [String]? = nil, isDone: Bool = false) {
            self.after = after
            self.through = through
            self.position = position
            self.isDone = isDone
        }

        /// What is still to be read.
        package var rest: KeyRange { KeyRange(after: position ?? after, through: through) }
    }

    package var isFinished: Bool { segments.allSatisfy(\.isDone) }

    /// A chunk is done.
    package mutating func advance(by step: BackfillStep) {
        rows += step.rows
        segments[step.segment].position = step.position
        segments[step.segment].isDone = step.isDone
    }

    package init(
        table: TableName, segments: [SegmentState], rows: Int = 0, startedAt: SourceTime, floor: UInt64,
        isAgain: Bool = false
    ) {
        self.table = table
        self.segments = segments
        self.rows = rows
        self.startedAt = startedAt
        self.floor = floor
        self.isAgain = isAgain
    }

    /// The beginning of a backfill.
    ///
    /// - Parameter ranges: as planned; none stands for one range that holds everything.
    package init(
        table: TableName, ranges: [KeyRange], startedAt: SourceTime, floor: UInt64, isAgain: Bool = false
    ) {
        let ranges = ranges.isEmpty ? [KeyRange(after: nil, through: nil)] : ranges
        self.init(
            table: table, segments: ranges.map { SegmentState(after: $0.after, through: $0.through) },
            startedAt: startedAt, floor: floor, isAgain: isAgain)
    }
}
