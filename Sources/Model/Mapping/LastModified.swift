/// The column of a table that says when a row was last written, for the guard against writes of an application that go
/// straight into the target: what is written there later is not overwritten by what the source had before.
package struct LastModified: Hashable, Sendable {
    /// Of type timestamp or timestamptz. Never goes back for one row.
    package let column: String
    /// Whether an application writes both databases itself: then the stream is held to the guard too, not only rows of
    /// a backfill.
    package let isDualWritten: Bool

    package init(column: String, isDualWritten: Bool = false) {
        self.column = column
        self.isDualWritten = isDualWritten
    }
}
