/// Batch limits that give way: after repeated collisions with other writers a large transaction would never get through,
/// a small one does.
struct AdaptiveLimits {
    private let full: BatchLimits
    private(set) var current: BatchLimits

    init(_ limits: BatchLimits) {
        full = limits
        current = limits
    }

    /// A quarter of the operations, but not below 10 (or what was asked for, if that is less).
    mutating func shrink() { current.operations = max(current.operations / 4, min(full.operations, 10)) }

    mutating func restore() { current = full }
}
