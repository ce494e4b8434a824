/// Where the initial copy comes from: a snapshot that one session exports and others import.
package protocol SnapshotSource: Sendable {
    /// Opens a session that reads in the snapshot.
    ///
    /// - Throws: `Failure` of kind `.copyInterrupted` when the snapshot is gone.
    func openReader() async throws -> any SnapshotReader
}

/// One session inside the snapshot. One owner.
package protocol SnapshotReader: Sendable {
    /// Starts reading one range of one table. The columns are pinned: exactly those of `table.schema`, in their order.
    ///
    /// - Throws: `Failure` of kind `.copyInterrupted` when the table was rewritten since the snapshot.
    func start(_ range: CopyRange) async throws

    /// The next rows, about `maxBytes` of them; empty when the range is finished.
    func next(maxBytes: Int) async throws -> [Row]

    func close() async
}

/// A part of a table: pages `[firstPage, endPage)` of one heap. The first range of a heap has no lower bound and the
/// last no upper one, so that wrong page estimates lose no row.
package struct CopyRange: Sendable {
    /// The table as it is mapped.
    package let table: TableVersion
    /// Whose heap it is, of a partitioned table; nil is the table's own.
    package let leaf: Partition?
    package let firstPage: UInt32?
    package let endPage: UInt32?
    /// The planner's estimate, for progress only.
    package let estimatedRows: Int
    /// Of a table with several collections the one that is copied, as in `Route`.
    package var collection: String?
    /// SQL: what rows have to fulfil to be read.
    package let condition: String?

    package init(
        table: TableVersion, leaf: Partition? = nil, firstPage: UInt32?, endPage: UInt32?, estimatedRows: Int,
        condition: String? = nil
    ) {
        self.table = table
        self.leaf = leaf
        self.firstPage = firstPage
        self.endPage = endPage
        self.estimatedRows = estimatedRows
        self.condition = condition
    }

    package var route: Route { Route(table.schema.name, into: collection) }
}
