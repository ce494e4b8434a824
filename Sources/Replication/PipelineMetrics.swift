import Metrics
import Model

/// The engine's counters, for whatever metrics backend the program has set up (none by default: they cost nothing
/// then).
package enum PipelineMetrics {
    private static let changes = Counter(label: "wherry_changes_applied_total")
    private static let transactions = Counter(label: "wherry_transactions_applied_total")
    private static let batches = Counter(label: "wherry_batches_applied_total")
    private static let coalesced = Counter(label: "wherry_changes_coalesced_total")
    private static let rows = Counter(label: "wherry_rows_copied_total")
    private static let ddl = Counter(label: "wherry_ddl_messages_total")
    private static let reconnects = Counter(label: "wherry_reconnects_total")

    /// A batch is durable.
    static func applied(_ counts: WriteBatch.Counts) {
        changes.increment(by: counts.changes)
        transactions.increment(by: counts.transactions)
        coalesced.increment(by: counts.coalesced)
        batches.increment()
    }

    /// Rows of the initial copy are durable.
    static func copied(_ count: Int) { rows.increment(by: count) }

    /// The source has told of a change of its schema (`sql/40_ddl_audit.sql`).
    static func told() { ddl.increment() }

    /// The pipeline starts again from its checkpoint.
    static func reconnected() { reconnects.increment() }
}
