/// Batch limits that give way: after repeated collisions with other writers a large transaction would never get through,
/// a small one does.
struct AdaptiveLimits {
    private let full: BatchLimits
    private(set) var current: BatchLimits

    init(_ limits: BatchLimits) {
        full = limits
        current = limits
    }

    /// A quarter of the operations, at least 10.
    mutating func shrink() { current.operations = max(min(current.operations, full.operations) / 4, 10) }

    mutating func restore() { current = full }
}
