/// A copy from an exported snapshot that several programs make together: what each has to know to take part.
package struct SharedCopy: Hashable, Sendable {
    package let pipeline: String
    /// Of the worker whose session exports the snapshot, the leader. With the attempt it tells the copy from any other.
    package let epoch: Int64
    package let attempt: Int
    /// The snapshot's name on the source, for SET TRANSACTION SNAPSHOT.
    package let snapshot: String
    /// What the rows of each table become, in short: who would make other documents may not take part.
    package let digests: [Route: String]

    package init(pipeline: String, epoch: Int64, attempt: Int, snapshot: String, digests: [Route: String]) {
        self.pipeline = pipeline
        self.epoch = epoch
        self.attempt = attempt
        self.snapshot = snapshot
        self.digests = digests
    }
}

/// A range of a shared copy that one writer has to itself, until it is finished or its lease is over.
package struct RangeClaim: Hashable, Sendable {
    package let copy: SharedCopy
    /// Its place in the order of copying.
    package let number: Int
    package let route: Route
    /// As in `CopyRange`.
    package let leaf: Partition?
    package let firstPage: UInt32?
    package let endPage: UInt32?
    package let estimatedRows: Int
    /// The writer's session.
    package let holder: SessionID
    /// Somebody has begun it before: some of its documents may be there.
    package let isAgain: Bool

    package init(
        copy: SharedCopy, number: Int, route: Route, leaf: Partition? = nil, firstPage: UInt32?, endPage: UInt32?,
        estimatedRows: Int, holder: SessionID, isAgain: Bool
    ) {
        self.copy = copy
        self.number = number
        self.route = route
        self.leaf = leaf
        self.firstPage = firstPage
        self.endPage = endPage
        self.estimatedRows = estimatedRows
        self.holder = holder
        self.isAgain = isAgain
    }
}

/// How far a table of a shared copy is, whoever has copied it.
package struct SharedTableProgress: Hashable, Sendable {
    package let route: Route
    package let estimatedRows: Int
    package let rows: Int
    package let ranges: Int
    /// Of them those that are not finished.
    package let openRanges: Int

    package init(route: Route, estimatedRows: Int, rows: Int, ranges: Int, openRanges: Int) {
        self.route = route
        self.estimatedRows = estimatedRows
        self.rows = rows
        self.ranges = ranges
        self.openRanges = openRanges
    }
}

/// What has become of a shared copy.
package enum CopyStanding: Hashable, Sendable {
    /// Its leader has been heard of.
    case going
    /// Its leader has not been heard of for longer than its lease.
    case silent
    /// It is over: whole, or given up before.
    case ended(isWhole: Bool)
    /// There is nothing known of it: it was removed, or another one has taken its place.
    case gone
}
