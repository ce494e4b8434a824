import Model

/// One table on the board: its segments, each walked by one chunk after another.
///
/// | a segment is  | take    | delivered   | finished     | failed  | refused |
/// |---------------|---------|-------------|--------------|---------|---------|
/// | waiting       | reading | –           | –            | –       | –       |
/// | reading       | –       | outstanding | –            | waiting | refused |
/// | outstanding   | –       | –           | waiting/done | waiting | refused |
/// | done, refused | –       | –           | –            | –       | –       |
///
/// A piece that is not the segment's own (it failed meanwhile) changes nothing. A piece that was interrupted has
/// failed, and the table is held back for a while; then one piece at a time tries, until one is delivered.
struct TableBackfill: Sendable {
    /// How far the table is, for people.
    struct Progress: Hashable, Sendable {
        let route: Route
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
        /// It has a row that can't be written.
        case refused
    }

    /// Why no piece is given out for a while.
    private struct Hold {
        var interruptions: Int
        var until: ContinuousClock.Instant
        /// When a piece was given out since, to try.
        var triedAt: ContinuousClock.Instant?
        var waiting: Waiting
    }

    private(set) var state: BackfillState
    let estimatedRows: Int
    private var stages: [Stage]
    private var size: ChunkSize
    private var hold: Hold?

    init(_ state: BackfillState, estimatedRows: Int, target: ChunkTarget) {
        self.state = state
        self.estimatedRows = estimatedRows
        stages = state.segments.map { $0.isDone ? .done : .waiting }
        size = ChunkSize(target)
    }

    var isFinished: Bool { stages.allSatisfy { $0 == .done } }
    /// Whether everything that can be written is.
    var isOver: Bool { stages.allSatisfy { $0 == .done || $0 == .refused } }
    /// Why the table was interrupted the last time, and since when; nil once a piece has been delivered.
    var waiting: Waiting? { hold?.waiting }

    /// Whether there is a piece to give out.
    func isAvailable(at now: ContinuousClock.Instant) -> Bool {
        guard stages.contains(.waiting) else { return false }
        guard let hold else { return true }
        return hold.until <= now && !isBeingRead
    }

    /// When there is one again, of a table that is held back.
    var heldUntil: ContinuousClock.Instant? { stages.contains(.waiting) ? hold?.until : nil }

    /// Whether it was interrupted, and a piece of it is out.
    var isTried: Bool { hold != nil && isBeingRead }

    private var isBeingRead: Bool {
        stages.contains { if case .reading = $0 { true } else { false } }
    }

    var progress: Progress {
        Progress(
            route: state.route, rows: state.rows, estimatedRows: estimatedRows,
            isFinished: isFinished && state.sweep?.isDone ?? true)
    }

    /// The next chunk of the first waiting segment from `share` (0 to 1) of the table on; nil when none waits, or the
    /// table is held back.
    mutating func take(id: Int, from share: Double, at now: ContinuousClock.Instant) -> BackfillPiece? {
        guard isAvailable(at: now) else { return nil }
        let home = min(Int(share * Double(stages.count)), stages.count - 1)
        let order = (0..<stages.count).lazy.map { [count = stages.count] in (home + $0) % count }
        guard let segment = order.first(where: { stages[$0] == .waiting }) else { return nil }
        stages[segment] = .reading(id)
        hold?.triedAt = now
        return BackfillPiece(
            id: id, route: state.route, segment: segment, range: state.segments[segment].rest, limit: size.rows)
    }

    /// - Returns: false when the piece is not the segment's any more.
    mutating func deliver(_ piece: BackfillPiece, cost: ChunkCost) -> Bool {
        guard isCurrent(piece, .reading(piece.id)) else { return false }
        stages[piece.segment] = .outstanding(piece.id)
        hold = nil
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
        guard isOpen(piece) else { return }
        stages[piece.segment] = .waiting
        if isTooLarge { size.shrink(from: piece.limit) }
    }

    /// - Parameter reason: in words for an operator.
    /// - Returns: how long a try was in vain; nil for a piece that wasn't one.
    mutating func interrupt(_ piece: BackfillPiece, reason: String, at now: ContinuousClock.Instant) -> Duration? {
        guard isOpen(piece) else { return nil }
        stages[piece.segment] = .waiting
        // Several pieces that meet the same lock are one interruption.
        if let hold, hold.until > now { return nil }
        let tried = hold?.triedAt.map { now - $0 }
        let interruptions = (hold?.interruptions ?? 0) + 1
        hold = Hold(
            interruptions: interruptions, until: now + RetryPolicy.backoff(interruptions),
            waiting: Waiting(reason: reason, since: hold?.waiting.since ?? now))
        return tried
    }

    /// - Returns: false when the piece is not the segment's any more.
    mutating func refuse(_ piece: BackfillPiece) -> Bool {
        guard isOpen(piece) else { return false }
        stages[piece.segment] = .refused
        return true
    }

    private func isOpen(_ piece: BackfillPiece) -> Bool {
        isCurrent(piece, .reading(piece.id)) || isCurrent(piece, .outstanding(piece.id))
    }

    mutating func sweep(_ step: SweepStep, removed: Int) { state.sweep?.advance(by: step, removed: removed) }

    /// An old piece may be of an earlier backfill of the table, with other segments.
    private func isCurrent(_ piece: BackfillPiece, _ stage: Stage) -> Bool {
        stages.indices.contains(piece.segment) && stages[piece.segment] == stage
    }
}
