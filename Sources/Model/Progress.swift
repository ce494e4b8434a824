import Synchronization

/// The board everything else looks at: the engine writes, the progress line, the log, `status` and metrics read one
/// consistent snapshot.
package final class Progress: Sendable {
    private let state: Mutex<ProgressSnapshot>

    package init() { state = Mutex(ProgressSnapshot()) }

    package func snapshot() -> ProgressSnapshot { state.withLock { $0 } }

    package func update(_ change: (inout ProgressSnapshot) -> Void) {
        state.withLock { change(&$0) }
    }
}

package struct ProgressSnapshot: Sendable {
    package enum Phase: String, Sendable {
        case starting, copying, streaming, stopping
    }

    package var phase = Phase.starting
    /// What the worker is waiting for and since when, in words for an operator; nil while it works.
    package var waiting: Waiting?
    /// What the backfill beside the stream waits for, while the stream goes on.
    package var backfillWaiting: Waiting?

    /// By table, in the order of copying; empty when there was nothing to copy.
    package var tables: [TableProgress] = []

    /// Sent to us by the server.
    package var received = LSN.zero
    /// Durable in the target, with its checkpoint.
    package var applied = LSN.zero
    /// Told to the server: it may forget everything before.
    package var confirmed = LSN.zero
    /// End of the source's WAL when last seen.
    package var sourceEnd = LSN.zero
    /// Commit time of the newest transaction applied.
    package var appliedCommitTime: SourceTime?

    package var changesApplied = 0
    package var transactionsApplied = 0
    package var batchesApplied = 0
    /// Changes that a later change of the same key in the batch made unnecessary.
    package var changesCoalesced = 0
    /// Source transactions that did not fit one batch.
    package var transactionsSplit = 0
    package var retries = 0
    package var reconnects = 0
    package var queuedBytes = 0
    package var backfill = BackfillCounts()

    package init() {}

    /// The one thing to tell: who waits for a server can't say much about a backfill.
    package var toldWaiting: Waiting? { waiting ?? backfillWaiting }

    /// Whether tables are filled beside the stream.
    package var isBackfilling: Bool { phase == .streaming && tables.contains { !$0.isFinished } }
}

/// What a backfill has met of the stream beside it, since the program began.
package struct BackfillCounts: Hashable, Sendable {
    /// Rows of chunks that were left out: the stream had brought something newer.
    package var rowsStale = 0
    /// Rows that the stream sent in part before their documents were there: read again by their keys.
    package var rowsReadAgain = 0
    /// Changes of a key that the stream brought while chunks were under way.
    package var keysMoved = 0
    /// Chunks whose snapshot did not see a transaction that the stream had brought before it was taken.
    package var chunksBehind = 0
    /// How often what was remembered of the stream reached its limit, and the chunks under way were read again.
    package var touchLogCleared = 0
    /// How often a reader had to wait until snapshots saw what the target had already.
    package var fenceWaits = 0

    package init() {}
}

package struct Waiting: Hashable, Sendable {
    package let reason: String
    package let since: ContinuousClock.Instant

    package init(reason: String, since: ContinuousClock.Instant) {
        self.reason = reason
        self.since = since
    }
}

package struct TableProgress: Hashable, Sendable {
    package let table: TableName
    package let collection: String
    /// The planner's estimate before the copy.
    package var estimatedRows: Int
    package var copiedRows = 0
    package var isFinished = false

    package init(table: TableName, collection: String, estimatedRows: Int) {
        self.table = table
        self.collection = collection
        self.estimatedRows = estimatedRows
    }
}
