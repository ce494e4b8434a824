import BSON

/// How far one segment of a table's backfill is once a chunk is written.
package struct BackfillStep: Hashable, Sendable {
    package let route: Route
    /// Index of the segment in the table's plan.
    package let segment: Int
    /// Key of the last row that was read, as PostgreSQL text; nil when the end is an open one.
    package let position: [String]?
    /// Whether the segment is at its end.
    package let isDone: Bool
    /// Rows of this chunk, those included that the stream had newer.
    package let rows: Int

    package init(route: Route, segment: Int, position: [String]?, isDone: Bool, rows: Int) {
        self.route = route
        self.segment = segment
        self.position = position
        self.isDone = isDone
        self.rows = rows
    }
}

/// How far the removal of documents without a row is once a chunk of deletes is written.
package struct SweepStep: Hashable, Sendable {
    package let route: Route
    /// `{_id: …}` of the last document that was looked at; nil when there is none.
    package let position: BSONDocument?
    /// Whether that was the collection's last.
    package let isDone: Bool
    /// Documents of this part that can't be this table's.
    package let foreign: Int

    package init(route: Route, position: BSONDocument?, isDone: Bool, foreign: Int) {
        self.route = route
        self.position = position
        self.isDone = isDone
        self.foreign = foreign
    }
}
