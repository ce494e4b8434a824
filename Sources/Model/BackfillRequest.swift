/// A backfill of one table that is asked for and not begun: a worker begins it between two streams.
package struct BackfillRequest: Hashable, Sendable {
    /// `.asked`, or why the table is not whole before.
    package let cause: BackfillState.Cause
    /// An SQL condition of the operator's; nil for all rows.
    package let condition: String?
    /// Whether documents are removed whose rows are gone.
    package let removesGone: Bool
    package let requestedAt: SourceTime
    /// Where it was asked for.
    package let host: String

    package init(
        cause: BackfillState.Cause, condition: String?, removesGone: Bool, requestedAt: SourceTime, host: String
    ) {
        self.cause = cause
        self.condition = condition
        self.removesGone = removesGone
        self.requestedAt = requestedAt
        self.host = host
    }
}

/// What is asked of a table and its backfill, as far as a running stream has to begin again for it.
package struct BackfillOrders: Hashable, Sendable {
    package let requestedAt: SourceTime?
    package let isPaused: Bool
    package let isCancelled: Bool
    package let membership: TableMembership
    package let acceptsChange: Bool

    package init(
        requestedAt: SourceTime?, isPaused: Bool, isCancelled: Bool, membership: TableMembership = .member,
        acceptsChange: Bool = false
    ) {
        self.requestedAt = requestedAt
        self.isPaused = isPaused
        self.isCancelled = isCancelled
        self.membership = membership
        self.acceptsChange = acceptsChange
    }
}

/// What an operator wants of a backfill that is asked for or has begun.
package enum BackfillOrder: Hashable, Sendable {
    case pause, resume
    /// Ends it where it is; what it has written stays.
    case cancel
}
