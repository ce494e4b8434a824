/// How often the engine has met what a backfill can go wrong by, by its own figures.
struct OracleHazards: Sendable {
    var staleRows = 0
    /// Chunks read under a snapshot that did not see a transaction which the stream had brought before.
    var invisibleCommits = 0
    /// Rows of which the stream brought a part before the chunk with the row.
    var partialChanges = 0
    /// Key changes while a chunk was under way.
    var keyChanges = 0
    var touchLogLimits = 0
    /// Sessions lost, and a new start of the stream in the same run.
    var reconnects = 0
    var restarts = 0
    /// Starts after an abrupt end that had to wait until the source showed what was applied before.
    var restartsInGap = 0

    private var all: [(name: String, count: Int)] {
        [
            ("stale rows", staleRows), ("invisible commits", invisibleCommits), ("partial changes", partialChanges),
            ("key changes", keyChanges), ("touch log limits", touchLogLimits), ("reconnects", reconnects),
            ("restarts", restarts), ("restarts in the gap", restartsInGap),
        ]
    }

    /// Those that never came up: nothing is proved about them.
    var missing: [String] { all.filter { $0.count == 0 }.map(\.name) }

    static func += (sum: inout OracleHazards, other: OracleHazards) {
        sum.staleRows += other.staleRows
        sum.invisibleCommits += other.invisibleCommits
        sum.partialChanges += other.partialChanges
        sum.keyChanges += other.keyChanges
        sum.touchLogLimits += other.touchLogLimits
        sum.reconnects += other.reconnects
        sum.restarts += other.restarts
        sum.restartsInGap += other.restartsInGap
    }
}

extension OracleHazards: CustomStringConvertible {
    var description: String { all.map { "\($0.count) \($0.name)" }.joined(separator: ", ") }
}
