import Model

extension VisibilitySnapshot {
    /// Sees what both see.
    func intersection(_ other: VisibilitySnapshot) -> VisibilitySnapshot {
        let end = min(xmax, other.xmax)
        let running = Set(running).union(other.running).filter { $0 < end }.sorted()
        return VisibilitySnapshot(xmin: running.first ?? end, xmax: end, running: running)
    }

    /// Sees what either sees.
    func union(_ other: VisibilitySnapshot) -> VisibilitySnapshot {
        let end = max(xmax, other.xmax)
        let running = Set(running + other.running).filter { !sees($0) && !other.sees($0) }.sorted()
        // Ids between the two ends that the later snapshot doesn't list are seen by it.
        return VisibilitySnapshot(xmin: running.first ?? end, xmax: end, running: running)
    }
}
