import Model

/// What `wherry snapshot` was asked to do.
package struct SnapshotRequest: Sendable, Equatable {
    package let settings: Settings
    /// Whether a slot keeps what is written from the snapshot on, for `wherry run`; else it is a copy and no more.
    package let usesSlot: Bool
    /// Takes part in the copy that another program makes, instead of making one.
    package let joins: Bool
    /// Collections that are not empty at the first start are accepted.
    package let adopts: Bool
    /// Between two progress lines of the log.
    package let progressInterval: Duration
}

/// How a `wherry snapshot` ended without a failure.
package enum SnapshotOutcome: Sendable, Equatable {
    /// A signal asked for the end before the copy was whole. One that is read beside the stream is resumable.
    case stopped(isResumable: Bool)
    /// The target is what the source was at this position; nil without a slot.
    case copied(at: LSN?)
    /// What was left has been read beside the stream: the target is what the source was at this position, and the
    /// tables are these.
    case filled(at: LSN, [TableState])
    /// Nothing is left to claim of another program's copy; the rows are those that this one has written.
    case joined([TableProgress])
    /// An earlier run has made the copy whole: nothing was done.
    case alreadyWhole(since: SourceTime)
}
