import Model

/// How many documents of a backfill go into one transaction. An application that writes one of them at the same moment
/// aborts the whole transaction, and MongoDB ends one that is too long or too large: then the next try is half as large,
/// and grows again when several in a row get through.
package struct PieceSize {
    package private(set) var current: Int
    private let full: Int
    private var successes = 0

    /// Transactions in a row that get through before the size is doubled.
    private static let patience = 4

    /// Documents to begin with where an application writes.
    private static let whereOthersWrite = 500

    package init(for documents: CollectionWrites) {
        let count = max(documents.writes.count, 1)
        full = documents.guardField == nil ? count : min(count, PieceSize.whereOthersWrite)
        current = full
    }

    /// Whether there is less than what has just collided.
    package mutating func shrink() -> Bool {
        successes = 0
        guard current > 1 else { return false }
        current /= 2
        return true
    }

    package mutating func succeed() {
        successes += 1
        guard successes >= PieceSize.patience else { return }
        successes = 0
        current = min(current * 2, full)
    }
}
