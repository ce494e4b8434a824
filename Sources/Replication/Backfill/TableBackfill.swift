import Model

/// One table on the board: its segments, each walked by one chunk after another.
///
/// | a segment is  | take    | delivered   | finished     | failed  | cancelled |
/// |---------------|---------|-------------|--------------|---------|-----------|
/// | waiting       | reading | –           | –            | –       | –         |
/// | reading       | –       | outstanding | –            | waiting | waiting   |
/// | outstanding   | –       | –           | waiting/done | waiting | waiting   |
/// | done          | –       | –           | –            | –       | –         |
///
/// A piece that is not the segment's own (it was cancelled) changes nothing.
struct TableBackfill: Sendable {
    /// How far the table is, for people.
    struct Progress: Hashable, Sendable {
        let table: TableName
        let rows: Int
        /// The planner's; rows may become more.
        let estimatedRows: Int
        let isFinished: Bool
        /// Rows the next chunk may have.
        let chunkLimit: Int
    }

    private enum Stage: Hashable {
        case waiting
        /// A worker reads the piece of this id.
        case reading(Int)
        /// The piece of this id is read, and waits in the stream for its turn.
        case outstanding(Int)
        case done
    }

    private(set) var state: BackfillState
    let estimatedRows: Int
    private var stages: [Stage]
    private var size: ChunkSize

    init(_ state: BackfillState, estimatedRows: Int, target: ChunkTarget) {
        self.state = state
        self.estimatedRows = estimatedRows
        stages = state.segments.map { $0.isDone ? .done : .waiting }
        size = ChunkSize(target)
    }

    var isFinished: Bool { stages.allSatisfy { $0 == .done } }
    var hasWaiting: Bool { stages.contains(.waiting) }

    var progress: Progress {
        Progress(
            table: state.table, rows: state.rows, estimatedRows: estimatedRows, isFinished: isFinished,
            chunkLimit: size.rows)
    }

    /// The next chunk of the first waiting segment from `share` (0 to 1) of the table on; nil when none waits.
    mutating func take(id: Int, from share: Double) -> BackfillPiece? {
        let home = min(Int(share * Double(stages.count)), stages.count - 1)
        let order = (0..<stages.count).lazy.map { [count = stages.count] in (home + $0) % count }
        guard let segment = order.first(where: { stages[$0] == .waiting }) else { return nil }
        stages[segment] = .reading(id)
        return BackfillPiece(
            id: id, table: state.table, segment: segment, range: state.segments[segment].rest, limit: size.rows)
    }

    /// - Returns: false when the piece was cancelled.
    mutating func deliver(_ piece: BackfillPiece, cost: ChunkCost) -> Bool {
        guard isCurrent(piece, .reading(piece.id)) else { return false }
        stages[piece.segment] = .outstanding(piece.id)
        size.learn(from: cost, limit: piece.limit)
        return true
    }

    /// - Returns: false when the piece was cancelled.
    mutating func finish(_ piece: BackfillPiece, end: [String]?, rows: Int, at now: SourceTime) -> Bool {
        guard isCurrent(piece, .outstanding(piece.id)) else { return false }
        let isDone = end == nil || end == piece.range.through
        state.rows += rows
        state.segments[piece.segment].position = end ?? piece.range.through
        state.segments[piece.segment].isDone = isDone
        stages[piece.segment] = isDone ? .done : .waiting
        if isFinished { state.finishedAt = now }
        return true
    }

    mutating func fail(_ piece: BackfillPiece) {
        guard isCurrent(piece, .reading(piece.id)) || isCurrent(piece, .outstanding(piece.id)) else { return }
        stages[piece.segment] = .waiting
    }

    /// - Returns: how many pieces there were.
    mutating func cancelPieces() -> Int {
        let taken = stages.indices.filter { stages[$0] != .waiting && stages[$0] != .done }
        for segment in taken { stages[segment] = .waiting }
        return taken.count
    }

    /// A cancelled piece may be of an earlier backfill of the table, with other segments.
    private func isCurrent(_ piece: BackfillPiece, _ stage: Stage) -> Bool {
        stages.indices.contains(piece.segment) && stages[piece.segment] == stage
    }
}
