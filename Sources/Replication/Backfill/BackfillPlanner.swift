import Model

/// Begins the live backfill of tables: decides what is read, and from when on.
package struct BackfillPlanner {
    let source: any SourceDatabase
    let store: any StateStore

    /// - Parameter hint: what to do instead; nil where the copy begins again by itself.
    /// - Throws: `Failure(.configuration)` when the source can't do it: a live backfill finds its place in the stream
    ///   by messages, which pgoutput sends from version 14 on.
    package static func requireMessages(of source: SourceIdentity, hint: String? = nil) throws {
        guard source.serverVersion < 140_000 else { return }
        throw Failure(
            .configuration, "reading rows beside the stream needs PostgreSQL 14 or later at the source", hint: hint)
    }

    /// The same for a pipeline that has begun.
    package static func requireMessages(of source: SourceIdentity, begun pipeline: String) throws {
        try requireMessages(
            of: source,
            hint: "Only a new copy repairs this: `wherry drop \(pipeline)`, then `wherry run` with backfill.mode: "
                + "exported.")
    }

    /// Plans the tables and stores the plan. Nothing of their stream may be under way: what has been applied of it, or
    /// had committed when the slot was made, a snapshot may not see yet, and only this call's floor waits for that.
    ///
    /// What a table's `wanted` asks for is how it is read; without, `cause` says why.
    ///
    /// - Parameter versions: those of `tables`, in their order.
    func begin(
        _ tables: [TableState], _ versions: [TableVersion], of state: PipelineState,
        cause: BackfillState.Cause = .first
    ) async throws {
        // Before the floor: a transaction that has written a document by then is waited for.
        let begun = SourceTime.now
        let floor = try await source.assignTransactionID()
        let rows = Dictionary(grouping: try await source.planRanges(versions), by: \.table.schema.name)
            .mapValues { $0.reduce(0) { $0 + $1.estimatedRows } }
        var planned: [TableState] = []
        for (version, unplanned) in zip(versions, tables) {
            let wanted = unplanned.wanted
            let condition = wanted?.condition
            let ranges = try await source.planSegments(version, key: unplanned.keyColumns, where: condition)
            var removesGone = wanted?.removesGone ?? false
            if removesGone, let condition {
                removesGone = try await source.isDecidedByKey(condition, of: version, key: unplanned.keyColumns)
            }
            var table = unplanned
            table.backfill = BackfillState(
                table: table.table, ranges: ranges, startedAt: begun, floor: floor, cause: wanted?.cause ?? cause,
                condition: condition, sweep: removesGone ? BackfillState.Sweep() : nil)
            table.copyStage = .copying
            table.estimatedRows = rows[version.schema.name] ?? 0
            planned.append(table)
        }
        try await store.saveBackfills(planned, of: state)
    }
}
