import Model

/// Begins the live backfill of tables: decides what is read, and from when on.
struct BackfillPlanner {
    let source: any SourceDatabase
    let store: any StateStore

    /// - Throws: `Failure(.configuration)` when the source can't do it: a live backfill finds its place in the stream by
    ///   messages, which pgoutput sends from version 14 on.
    static func requireMessages(of source: SourceIdentity) throws {
        guard source.serverVersion < 140_000 else { return }
        throw Failure(
            .configuration, "backfill.mode live needs PostgreSQL 14 or later at the source",
            hint: "Set backfill.mode to exported.")
    }

    /// Plans the tables and stores the plan. Nothing of their stream may be under way: what has been applied of it, or had
    /// committed when the slot was made, a snapshot may not see yet, and only this call's floor waits for that.
    ///
    /// - Parameters:
    ///   - versions: those of `tables`, in their order.
    ///   - isAgain: documents may be there already.
    func begin(
        _ tables: [TableState], _ versions: [TableVersion], of state: PipelineState, isAgain: Bool = false
    ) async throws {
        let floor = try await source.assignTransactionID()
        let rows = Dictionary(grouping: try await source.planRanges(versions), by: \.table.schema.name)
            .mapValues { $0.reduce(0) { $0 + $1.estimatedRows } }
        var planned: [TableState] = []
        for (version, unplanned) in zip(versions, tables) {
            let ranges = try await source.planSegments(version, key: unplanned.keyColumns, where: nil)
            var table = unplanned
            table.backfill = BackfillState(
                table: table.table, ranges: ranges, startedAt: .now, floor: floor, isAgain: isAgain)
            table.copyStage = .copying
            table.estimatedRows = rows[version.schema.name] ?? 0
            planned.append(table)
        }
        try await store.saveBackfills(planned, of: state)
    }
}
