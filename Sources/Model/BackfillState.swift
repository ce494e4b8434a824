import BSON

/// How far the live backfill of one table is: written in the same MongoDB transaction as the rows it covers, so that a
/// start after any crash goes on at the chunk.
package struct BackfillState: Hashable, Sendable {
    package let route: Route
    /// The table's key ranges, as they were planned; together they cover every key, in every leaf that it had then.
    package var segments: [SegmentState]
    /// Rows read and handed on so far, also those that the stream had newer already.
    package var rows: Int
    package var startedAt: SourceTime
    /// A transaction id: before a snapshot's `xmin` has reached it no chunk is read. Whatever the stream had brought
    /// before the backfill began, or was committed when the slot was made, has a smaller one.
    package let floor: UInt64
    /// Why the rows are read.
    package let cause: Cause
    /// An SQL condition of the operator's: only rows that fulfil it are read. nil: all.
    package let condition: String?
    /// How far the documents are looked through for those whose rows are gone; nil when they are kept.
    package var sweep: Sweep?
    /// Nothing is read for it until it is resumed. An operator's order, never the worker's.
    package var isPaused = false
    /// The next start of the stream ends it. An order too.
    package var isCancelled = false

    package enum Cause: String, Sendable {
        /// The pipeline began with it; only an adopted collection holds documents before.
        case first
        /// The initial copy lost its snapshot, and has brought some documents: the table is not whole before its end.
        case copyLost = "copy_lost"
        /// `wherry backfill` of a table that was whole.
        case asked
        /// Changes are missing from the stream (`wherry run --accept-gap`): the table is not whole before its end.
        case gap
        /// Its columns are not those any more that the documents were made of.
        case schemaChange = "schema_change"
    }

    /// The way through a collection, in the order of `_id`, that begins when every row is read.
    package struct Sweep: Hashable, Sendable {
        /// The last document that was looked at, `{_id: …}`; nil at the beginning.
        package var position: BSONDocument?
        /// Documents that had no row.
        package var removed: Int
        /// Documents that are left alone because no row could have their `_id`: somebody else's.
        package var foreign: Int
        package var isDone: Bool

        package init(position: BSONDocument? = nil, removed: Int = 0, foreign: Int = 0, isDone: Bool = false) {
            self.position = position
            self.removed = removed
            self.foreign = foreign
            self.isDone = isDone
        }

        /// A part of the collection is done.
        package mutating func advance(by step: SweepStep, removed count: Int) {
            position = step.position
            removed += count
            foreign += step.foreign
            isDone = step.isDone
        }
    }

    /// One key range `(after, through]` of the table, or of one leaf of it, read in the order of the key. Keys are
    /// PostgreSQL's text of their columns, in key order; nil is open.
    package struct SegmentState: Hashable, Sendable {
        /// Of a partitioned table; nil is the table itself.
        package let leaf: Partition?
        package let after: [String]?
        package let through: [String]?
        /// The last key that is done; nil before the first chunk. Everything up to it is done.
        package var position: [String]?
        package var isDone: Bool

        package init(
            after: [String]?, through: [String]?, leaf: Partition? = nil, position: [String]? = nil,
            isDone: Bool = false
        ) {
            self.leaf = leaf
            self.after = after
            self.through = through
            self.position = position
            self.isDone = isDone
        }

        /// What is still to be read.
        package var rest: KeyRange { KeyRange(after: position ?? after, through: through, leaf: leaf) }
    }

    /// Whether every row is read, and every document whose row is gone removed, where that is wanted.
    package var isFinished: Bool { isRead && sweep?.isDone ?? true }

    /// Whether every row is read.
    package var isRead: Bool { segments.allSatisfy(\.isDone) }

    /// A chunk is done.
    package mutating func advance(by step: BackfillStep) {
        rows += step.rows
        segments[step.segment].position = step.position
        segments[step.segment].isDone = step.isDone
    }

    package init(
        route: Route, segments: [SegmentState], rows: Int = 0, startedAt: SourceTime, floor: UInt64,
        cause: Cause = .first, condition: String? = nil, sweep: Sweep? = nil
    ) {
        self.route = route
        self.segments = segments
        self.rows = rows
        self.startedAt = startedAt
        self.floor = floor
        self.cause = cause
        self.condition = condition
        self.sweep = sweep
    }

    /// The beginning of a backfill.
    ///
    /// - Parameter ranges: as planned; none stands for one range that holds everything.
    package init(
        route: Route, ranges: [KeyRange], startedAt: SourceTime, floor: UInt64, cause: Cause = .first,
        condition: String? = nil, sweep: Sweep? = nil
    ) {
        let ranges = ranges.isEmpty ? [KeyRange(after: nil, through: nil)] : ranges
        self.init(
            route: route, segments: ranges.map { SegmentState(after: $0.after, through: $0.through, leaf: $0.leaf) },
            startedAt: startedAt, floor: floor, cause: cause, condition: condition, sweep: sweep)
    }
}
