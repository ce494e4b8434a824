import Model

/// The initial copy.
extension PostgresSource {
    /// Sessions that read in the snapshot which `createSlot` has exported.
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
