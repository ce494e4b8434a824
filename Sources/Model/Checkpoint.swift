/// How far the target is: written in the same MongoDB transaction as the documents it covers.
package struct Checkpoint: Hashable, Sendable {
    /// End position of the last source transaction that is applied whole. The slot may be confirmed up to here.
    package var lsn: LSN
    /// Commit time of that transaction, nil before the first one.
    package var commitTime: SourceTime?
    /// The transaction after it, when a part of it is applied already.
    package var open: OpenTransaction?
    /// What a snapshot has to see before a backfill may read rows that go behind this checkpoint; nil when every
    /// snapshot does.
    package var fence: VisibilityFence?

    package struct OpenTransaction: Hashable, Sendable {
        package var xid: UInt32
        package var commitLSN: LSN
        /// How many of its changes to the pipeline's tables are applied, counted in the order of decoding (which is
        /// deterministic). Several changes can share an LSN, so a count it is.
        package var appliedChanges: Int
        /// It was begun by a version that counted changes of all published tables: the rest is counted in the same way.
        package var countsStrangers = false
        /// How many of its TRUNCATEs are among them has no bearing: a truncation that is not finished is not counted.
        package init(xid: UInt32, commitLSN: LSN, appliedChanges: Int) {
            self.xid = xid
            self.commitLSN = commitLSN
            self.appliedChanges = appliedChanges
        }
    }

    package init(lsn: LSN, commitTime: SourceTime? = nil, open: OpenTransaction? = nil) {
        self.lsn = lsn
        self.commitTime = commitTime
        self.open = open
    }
}
