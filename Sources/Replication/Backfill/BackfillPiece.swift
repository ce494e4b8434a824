import Model

/// A part of a table that a worker is to read: the next chunk of one segment.
struct BackfillPiece: Hashable, Sendable {
    /// Tells it from an earlier piece of the same segment that was cancelled. Unique on one board.
    let id: Int
    let route: Route
    /// Index into the table's segments.
    let segment: Int
    /// From behind the last key that is done to the end of the segment.
    let range: KeyRange
    /// Rows it may have.
    let limit: Int

    /// The same with fewer rows.
    func limited(to rows: Int) -> BackfillPiece {
        BackfillPiece(id: id, route: route, segment: segment, range: range, limit: min(limit, rows))
    }

    /// How far the segment is once the piece is written.
    ///
    /// - Parameters:
    ///   - end: the key of its last row; nil when the end of the segment is reached.
    ///   - rows: how many it held.
    func step(to end: [String]?, rows: Int) -> BackfillStep {
        BackfillStep(
            route: route, segment: segment, position: end ?? range.through,
            isDone: end == nil || end == range.through, rows: rows)
    }
}
