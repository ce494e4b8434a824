/// The source as a whole: what setting up, copying and streaming need of it.
package protocol SourceDatabase: ChangeSource, ChunkSource {
    /// Opens the connection that marks this worker as the pipeline's active one (a replication connection, where a slot
    /// is used), waiting up to `wait` for another to go. The mark lasts as long as the connection.
    ///
    /// - Throws: `Failure(.inUse)` naming the holder.
    func acquire(wait: Duration, onWaiting: @escaping @Sendable (String) -> Void) async throws

    func identify() async throws -> SourceIdentity

    /// nil when there is none.
    func slot() async throws -> SlotStatus?

    /// Creates the slot and exports its snapshot, which lives until the next command on the replication connection.
    /// Creation waits for every running transaction: at most `timeout`, telling who blocks through `onWaiting`.
    func createSlot(timeout: Duration, onWaiting: @escaping @Sendable (String) -> Void) async throws -> ExportedSnapshot

    func dropSlot() async throws

    /// Exports a snapshot without a slot. It lives as long as the connection that `acquire` has opened, or until the
    /// next call.
    func exportSnapshot() async throws -> ExportedSnapshot

    /// Creates the publication of exactly these tables, or makes sure that the one there fits.
    func ensurePublication(tables: [TableName]) async throws

    /// Makes sure that these tables, as far as they still exist, are in the publication: the slot says nothing of the
    /// changes of a table that was taken out.
    ///
    /// - Throws: `Failure(.dataGap)` naming the tables that are not.
    func requirePublished(_ tables: [TableName]) async throws

    /// The tables in the publication.
    func publishedTables() async throws -> Set<TableName>

    /// Puts tables into the publication; those that are there already stay.
    ///
    /// - Throws: `Failure(.denied)` with the statement when the role may not.
    func publish(_ tables: [TableName]) async throws

    /// Takes tables out of the publication, as far as they are there.
    ///
    /// - Throws: as `publish`.
    func unpublish(_ tables: [TableName]) async throws

    /// The publication's row filters as the server writes them, by table.
    func rowFilters() async throws -> [TableName: String]

    /// Has the server send those rows of a published table only for which `sql` is true.
    ///
    /// - Parameter storing: is given the filter as the server writes it, before it is there for good.
    /// - Returns: why the server can't have it, in words; nil when it has.
    func setRowFilter(
        _ sql: String, of table: TableName, storing: @Sendable (String) async throws -> Void
    ) async throws -> String?

    /// Has the server send every row of a published table.
    ///
    /// - Throws: as `publish`.
    func clearRowFilter(of table: TableName) async throws

    /// From now on these row filters are no reason to refuse the publication; all others are.
    func accept(rowFilters: [TableName: String]) async

    func snapshotSource(_ snapshot: ExportedSnapshot) async throws -> any SnapshotSource

    /// Cuts tables into ranges of pages, the largest table first.
    func planRanges(_ tables: [TableVersion]) async throws -> [CopyRange]

    /// The planner's estimates, by name; 0 for a table never analysed, none for one that is gone.
    func estimatedRows(of tables: [TableVersion]) async throws -> [TableName: Int]

    /// End of the source's WAL now.
    func currentLSN() async throws -> LSN

    func close() async
}

/// A table as the catalogue shows it, chosen for replication.
package struct SourceTable: Hashable, Sendable {
    package let schema: TableSchema
    /// Columns of the primary key, in key order; never empty.
    package let primaryKey: [String]

    package init(schema: TableSchema, primaryKey: [String]) {
        self.schema = schema
        self.primaryKey = primaryKey
    }
}

/// A slot's snapshot and the position it belongs to.
package struct ExportedSnapshot: Hashable, Sendable {
    /// Everything committed before is in the snapshot, everything after in the stream. Zero without a slot: such a
    /// snapshot belongs to no position.
    package let consistentPoint: LSN
    package let name: String

    package init(consistentPoint: LSN, name: String) {
        self.consistentPoint = consistentPoint
        self.name = name
    }
}
