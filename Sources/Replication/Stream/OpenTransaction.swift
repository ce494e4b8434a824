import Model

/// A transaction whose commit has not arrived yet.
struct OpenTransaction {
    let start: TransactionStart
    /// Decoded, not yet in a batch.
    var changes: [Change] = []
    var bytes = 0
    /// Changes of the pipeline's tables so far, in a batch or not, applied before or not.
    var ordinal = 0
    /// `Checkpoint.OpenTransaction.countsStrangers`
    var countsStrangers = false
    var isSplit = false

    /// Whether it still fits one batch with this change; a single change always does.
    func hasRoom(for change: Change, in limits: BatchLimits) -> Bool {
        changes.isEmpty || changes.count < limits.operations && bytes + change.byteCount <= limits.bytes
    }
}
