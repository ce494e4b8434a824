/// What a pipeline's worker says of itself for `wherry status`, which is another process.
package struct WorkerNote: Hashable, Sendable {
    /// The worker's own: a note of another epoch than the pipeline's was left by a worker that is gone.
    package let epoch: Int64
    /// What its backfill waits for; nil while it works.
    package let waiting: Waiting?

    package struct Waiting: Hashable, Sendable {
        /// In words for an operator.
        package let reason: String
        package let since: SourceTime

        package init(reason: String, since: SourceTime) {
            self.reason = reason
            self.since = since
        }
    }

    package init(epoch: Int64, waiting: Waiting?) {
        self.epoch = epoch
        self.waiting = waiting
    }
}
