import Model

/// Begins the live backfill of tables: decides what is read, and from when on.
package struct BackfillPlanner {
    let source: any SourceDatabase
    let store: any StateStore

    /// - Parameter hint: what to do instead; nil where the copy begins again by itself.
    /// - Throws: `Failure(.configuration)` when the source can't do it: a live backfill finds its place in the stream
    ///   by messages, which pgoutput sends from version 14 on.
    package static func requireMessages(of source: SourceIdentity, hint: String? = nil) throws {
        guard !hasMessages(source) else { return }
        throw Failure(
            .configuration, "reading rows beside the stream needs PostgreSQL 14 or later at the source", hint: hint)
    }

    /// What a stream ends with beside which rows would have to be read again.
    static func noRereads(of table: TableName) -> Failure {
        Failure(
            .configuration,
            "documents of table \(table) hold values that are made of columns the stream may leave out, and rows can't "
                + "be read again beside it before PostgreSQL 14",
            hint: "Map the columns as they are, or use REPLICA IDENTITY FULL, which sends them all.")
    }

    static func hasMessages(_ source: SourceIdentity) -> Bool { source.serverVersion >= 140_000 }

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
        let rows = try await source.estimatedRows(of: versions)
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
                route: table.route, ranges: ranges, startedAt: begun, floor: floor, cause: wanted?.cause ?? cause,
                condition: condition, sweep: removesGone ? BackfillState.Sweep() : nil)
            table.copyStage = .copying
            table.estimatedRows = rows[version.schema.name] ?? 0
            planned.append(table)
        }
        try await store.saveBackfills(planned, of: state)
    }
}
