import Logging
import Model

/// Tables that leave a pipeline. Publication first, state last: what is stored still says that they leave when the start
/// is killed in between.
struct TableDeparture {
    let settings: PipelineSettings
    let ports: PipelinePorts
    let logger: Logger

    /// Takes out what operators want out.
    func settleOrders(of state: PipelineState, _ catalogue: [CatalogueTable]) async throws {
        let tables = try await ports.store.tables(of: state.pipeline)
        let leaving = tables.filter { $0.membership.isLeaving }
        let shown = ShownTables(tables, in: catalogue)
        try await remove(leaving, published: leaving.map { shown[$0]?.name ?? $0.table }, of: tables, state)
    }

    /// Takes out what the configuration doesn't choose any more; by the names that tables have now.
    func settleConfiguration(of state: PipelineState) async throws {
        let tables = try await ports.store.tables(of: state.pipeline)
        let leaving = tables.filter { $0.membership == .member && isLeaving($0, state) }
        try await remove(leaving, published: leaving.map(\.table), of: tables, state)
    }

    /// Stores that these leave once a transaction is whole that is applied in part: its changes of theirs are left out from
    /// now on, and a configuration that chooses them again lets them join, instead of going on as if nothing were missing.
    func noteConfiguration(of state: PipelineState) async throws {
        let tables = try await ports.store.tables(of: state.pipeline)
        let leaving = tables.filter { $0.membership == .member && isLeaving($0, state) }
        guard !leaving.isEmpty else { return }
        try requireOthers(than: leaving, of: tables, state)
        let updates = leaving.map { table in
            var left = table
            left.membership = .leaving(deletesDocuments: false)
            return TableUpdate(table, to: left)
        }
        try await ports.store.write(updates, of: state)
    }

    private func requireOthers(than leaving: [TableState], of tables: [TableState], _ state: PipelineState) throws {
        guard !tables.contains(where: { $0.membership == .member && !leaving.contains($0) }) else { return }
        throw Failure(
            .configuration, "no table would be left of pipeline \(state.pipeline)",
            hint: "`wherry drop \(state.pipeline)` removes the pipeline; to keep it, choose one of its tables "
                + "again, or add another with `wherry tables add`.")
    }

    func isLeaving(_ table: TableState, _ state: PipelineState) -> Bool {
        table.membership.isLeaving
            || table.membership == .member && !settings.keeps(table, isPicked: state.picksTables)
    }

    private func remove(
        _ leaving: [TableState], published: [TableName], of tables: [TableState], _ state: PipelineState
    ) async throws {
        guard !leaving.isEmpty else { return }
        try requireOthers(than: leaving, of: tables, state)
        // Another of its collections may stay.
        let staying = Set(tables.filter { !leaving.contains($0) }.map(\.table))
        for table in leaving where table.rowFilter != nil && staying.contains(table.table) {
            try await ports.source.clearRowFilter(of: table.table)
        }
        let unpublished = zip(leaving, published).filter { !staying.contains($0.0.table) }.map(\.1)
        do { try await ports.source.unpublish(Set(unpublished).sorted()) } catch let failure as Failure
            where [.denied, .inUse].contains(failure.kind)
        {
            // Their changes are skipped; they only cost the stream.
            logger.warning(
                "tables have left the pipeline and stay published",
                metadata: ["reason": "\(failure.message)", "hint": "\(failure.hint ?? "")"])
        }
        for table in leaving where table.membership == .leaving(deletesDocuments: true) && isOwn(table) {
            guard let checkpoint = state.checkpoint else { continue }
            // Only while nobody has taken the pipeline over.
            try await ports.sink.truncate([table.part], at: checkpoint)
        }
        try await ports.store.remove(leaving, of: state)
        for table in leaving {
            guard table.membership == .member else {
                logger.notice(
                    "a table has left the pipeline",
                    metadata: ["table": "\(table.table)", "collection": "\(table.collection)"])
                continue
            }
            logger.warning(
                "a table has left the pipeline: the configuration doesn't choose it any more",
                metadata: ["table": "\(table.table)", "collection": "\(table.collection)"])
        }
    }

    private func isOwn(_ table: TableState) -> Bool {
        table.wasEmpty && settings.rules.lastModified(of: table) == nil
    }
}
