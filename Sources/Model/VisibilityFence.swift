/// Transactions that are applied, or were committed when the slot was made, and that a snapshot may still not see:
/// PostgreSQL writes the commit record, which the stream delivers, before the transaction becomes visible (a long time
/// before with synchronous replication). A row read by such a snapshot would bring back what the stream has changed.
package struct VisibilityFence: Hashable, Sendable {
    /// Every transaction with a smaller id has to be over.
    package var floor: UInt64
    /// Single ids that have to be seen.
    package var ids: [UInt64]

    package init(floor: UInt64 = 0, ids: [UInt64] = []) {
        self.floor = floor
        self.ids = ids
    }

    /// What stands in the way while either does.
    package func union(_ other: VisibilityFence) -> VisibilityFence {
        VisibilityFence(floor: max(floor, other.floor), ids: ids + other.ids.filter { !ids.contains($0) })
    }

    /// What is left of it once this snapshot is known; nil when nothing is.
    package func remaining(after snapshot: VisibilitySnapshot) -> VisibilityFence? {
        let rest = VisibilityFence(
            floor: snapshot.xmin >= floor ? 0 : floor, ids: ids.filter { !snapshot.sees($0) })
        return rest.floor == 0 && rest.ids.isEmpty ? nil : rest
    }
}
