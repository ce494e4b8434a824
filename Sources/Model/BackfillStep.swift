/// How far one segment of a table's backfill is once a chunk is written.
package struct BackfillStep: Hashable, Sendable {
    package let table: TableName
    /// Index of the segment in the table's plan.
    package let segment: Int
    /// Key of the last row that was read, as PostgreSQL text; nil when the end is an open one.
    package let position: [String]?
    /// Whether the segment is at its end.
    package let isDone: Bool
    /// Rows of this chunk, those included that the stream had newer.
    package let rows: Int

    package init(table: TableName, segment: Int, position: [String]?, isDone: Bool, rows: Int) {
        self.table = table
        self.segment = segment
        self.position = position
        self.isDone = isDone
        self.rows = rows
    }
}
