import Model

/// One table on the board: its segments, each walked by one chunk after another.
///
/// | a segment is  | take    | delivered   | finished     | failed  |
/// |---------------|---------|-------------|--------------|---------|
/// | waiting       | reading | –           | –            | –       |
/// | reading       | –       | outstanding | –            | waiting |
/// | outstanding   | –       | –           | waiting/done | waiting |
/// | done          | –       | –           | –            | –       |
///
/// A piece that is not the segment's own (it failed meanwhile) changes nothing.
struct TableBackfill: Sendable {
    /// How far the table is, for people.
    struct Progress: Hashable, Sendable {
        let table: TableName
        let rows: Int
        /// The planner's; rows may become more.
        let estimatedRows: Int
        let isFinished: Bool
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
            table: state.table, rows: state.rows, estimatedRows: estimatedRows,
            isFinished: isFinished && state.sweep?.isDone ?? true)
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

    /// - Returns: false when the piece is not the segment's any more.
    mutating func deliver(_ piece: BackfillPiece, cost: ChunkCost) -> Bool {
        guard isCurrent(piece, .reading(piece.id)) else { return false }
        stages[piece.segment] = .outstanding(piece.id)
        size.learn(from: cost, limit: piece.limit)
        return true
    }

    /// - Returns: false when the piece is not the segment's any more.
    mutating func finish(_ piece: BackfillPiece, _ step: BackfillStep) -> Bool {
        guard isCurrent(piece, .outstanding(piece.id)) else { return false }
        state.advance(by: step)
        stages[piece.segment] = step.isDone ? .done : .waiting
        return true
    }

    mutating func fail(_ piece: BackfillPiece, isTooLarge: Bool) {
        guard isCurrent(piece, .reading(piece.id)) || isCurrent(piece, .outstanding(piece.id)) else { return }
        stages[piece.segment] = .waiting
        if isTooLarge { size.shrink(from: piece.limit) }
    }

    mutating func sweep(_ step: SweepStep, removed: Int) { state.sweep?.advance(by: step, removed: removed) }

    /// An old piece may be of an earlier backfill of the table, with other segments.
    private func isCurrent(_ piece: BackfillPiece, _ stage: Stage) -> Bool {
        stages.indices.contains(piece.segment) && stages[piece.segment] == stage
    }
}
