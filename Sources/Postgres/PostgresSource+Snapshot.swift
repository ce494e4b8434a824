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

    /// Divides tables into ranges of about `targetPages` pages, the largest table or partition first. A server before
    /// 14 has no TID range scan: one range a heap there.
    package func planRanges(_ tables: [TableVersion], targetPages: Int) async throws -> [CopyRange] {
        let hasRangeScan = try await control().serverVersion >= 140_000
        let facts = Dictionary(try await allTables().map { ($0.schema.oid, $0) }) { first, _ in first }
        let heaps = tables.flatMap { table -> [Heap] in
            let leaves = facts[table.schema.oid]?.leaves ?? []
            if leaves.isEmpty { return [Heap(table: table, leaf: nil, facts: facts[table.schema.oid])] }
            return leaves.map { Heap(table: table, leaf: $0.partition, facts: $0) }
        }
        let pages = HeapSize.read(
            try await ask(HeapSize.query(heaps.map(\.oid)), doing: "ask for the sizes of the tables"))
        let sized = heaps.map { (heap: $0, pages: pages[$0.oid] ?? 0) }
            .sorted { ($0.pages, $1.heap.name) > ($1.pages, $0.heap.name) }
        return sized.flatMap { heap, pages in
            CopyPlan.ranges(
                heap.table, leaf: heap.leaf, pages: pages, estimatedRows: heap.facts?.estimatedRows ?? 0,
                targetPages: hasRangeScan ? targetPages : .max)
        }
    }
}

/// What is copied as one: a table, or a leaf of a partitioned one.
private struct Heap {
    let table: TableVersion
    let leaf: Partition?
    /// nil for a table that was dropped meanwhile.
    let facts: CatalogTable?

    var oid: UInt32 { leaf?.oid ?? table.schema.oid }
    var name: TableName { leaf?.name ?? table.schema.name }
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
