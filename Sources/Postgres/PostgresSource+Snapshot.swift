import Model

/// The initial copy.
extension PostgresSource {
    /// Exports a snapshot of the session that holds the pipeline's lock, on a standby too (PostgreSQL documentation,
    /// "Snapshot Synchronization Functions"). It ends with that session or the next call.
    package func exportSnapshot() async throws -> ExportedSnapshot {
        try await acquire(wait: .zero)
        guard let holder else { throw Failure(.unexpected, "the connection that exports the snapshot is missing") }
        let action = "export a snapshot"
        // The one of an attempt before; without it a mere warning.
        try await holder.query("ROLLBACK", doing: action)
        try await holder.query("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", doing: action)
        guard let name = try await holder.query("SELECT pg_catalog.pg_export_snapshot()", doing: action).scalar else {
            throw Failure(.unexpected, "the exported snapshot has no name")
        }
        return ExportedSnapshot(consistentPoint: .zero, name: name)
    }

    /// Sessions that read in the snapshot which `createSlot` or `exportSnapshot` has exported.
    package nonisolated func snapshotSource(_ snapshot: ExportedSnapshot) -> any SnapshotSource {
        ExportedSnapshotSource(source: self, snapshot: snapshot)
    }

    /// Divides tables into ranges of about `targetPages` pages, the largest table first. A server before 14 has no TID
    /// range scan: one range a table there.
    package func planRanges(_ tables: [TableVersion], targetPages: Int) async throws -> [CopyRange] {
        let hasRangeScan = try await control().serverVersion >= 140_000
        let facts = Dictionary(try await allTables().map { ($0.schema.oid, $0) }) { first, _ in first }
        let sized = tables.map { (table: $0, pages: facts[$0.schema.oid]?.pages ?? 0) }
        return sized.sorted { ($0.pages, $1.table.schema.name) > ($1.pages, $0.table.schema.name) }.flatMap { sized in
            CopyPlan.ranges(
                sized.table, pages: sized.pages, estimatedRows: facts[sized.table.schema.oid]?.estimatedRows ?? 0,
                targetPages: hasRangeScan ? targetPages : .max)
        }
    }
}

private struct ExportedSnapshotSource: SnapshotSource {
    let source: PostgresSource
    let snapshot: ExportedSnapshot

    func openReader() async throws -> any SnapshotReader { try await CopyReader.open(source, snapshot: snapshot) }
}

extension PostgresSource {
    package func planRanges(_ tables: [TableVersion]) async throws -> [CopyRange] {
        try await planRanges(tables, targetPages: 8192)
    }
}
