/// What a chunk may cost the source and the memory.
struct ChunkTarget: Hashable, Sendable {
    /// From asking for the chunk to its last row.
    var duration = Duration.milliseconds(250)
    /// Of encoded documents.
    var bytes = 4 << 20
    /// Time alone makes no chunk smaller than its lower bound; bytes make it as small as one row.
    var rows = 100...20_000

    /// A chunk that has come to so many bytes is given up, if it could be smaller.
    var mostBytes: Int { 4 * bytes }
}

extension ChunkTarget {
    /// What all chunks under way together aim at, in bytes: each worker reads one while another waits for its turn.
    private static let totalBytes = 16 << 20

    init(workers: Int, maxRows: Int) {
        bytes = max(256 << 10, ChunkTarget.totalBytes / (2 * workers))
        rows = min(100, maxRows)...maxRows
    }
}

/// What a chunk did cost.
struct ChunkCost: Hashable, Sendable {
    var duration: Duration
    /// Of encoded documents.
    var bytes: Int
    /// Whether the chunk ended at its limit and not at the end of its segment: only then it says that more would do.
    var isFull: Bool
}

/// How many rows the next chunk of a table may have, found from the chunks before: down to the target at once, up by at
/// most the double. As long as a chunk costs no less per row than a smaller one did, the size never swings around its
/// target. A chunk that was asked for at an earlier size counts for the size it had.
struct ChunkSize: Hashable, Sendable {
    static let first = 1000

    private(set) var rows: Int
    private let target: ChunkTarget

    init(_ target: ChunkTarget = ChunkTarget()) {
        self.target = target
        rows = min(max(ChunkSize.first, target.rows.lowerBound), target.rows.upperBound)
    }

    /// - Parameter limit: the size of the chunk.
    mutating func learn(from cost: ChunkCost, limit: Int) {
        rows = ChunkSize.next(after: rows, limit: limit, cost: cost, target: target)
    }

    /// A chunk of `limit` rows was too large to be used at all.
    mutating func shrink(from limit: Int) { rows = min(rows, max(1, limit / 4)) }

    /// The size after `current`, when a chunk of `limit` rows has cost this much.
    static func next(after current: Int, limit: Int, cost: ChunkCost, target: ChunkTarget) -> Int {
        let time = cost.duration / target.duration
        let bytes = Double(cost.bytes) / Double(target.bytes)
        let load = max(time, bytes)
        if load > 1.25 {
            let byTime = time > 1.25 ? max(target.rows.lowerBound, Int(Double(limit) / time)) : limit
            let byBytes = bytes > 1.25 ? max(1, Int(Double(limit) / bytes)) : limit
            return min(current, byTime, byBytes)
        }
        if load < 0.8, cost.isFull {
            // The root, because a part of the time is the same for every chunk and says nothing about its rows.
            let factor = load > 0.25 ? (1 / load).squareRoot() : 2
            return max(current, min(target.rows.upperBound, Int((Double(limit) * factor).rounded(.up))))
        }
        return current
    }
}
