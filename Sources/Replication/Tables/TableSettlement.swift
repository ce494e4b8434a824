import Logging
import Model

/// What has become of a pipeline's tables at the source, in the configuration and by operators' orders, settled between
/// two streams: whatever is applied by then has a smaller transaction id than the backfills that this makes necessary
/// take as their floor.
///
/// Each step stores first what the next one needs, and finds nothing to do when it is done already: killed in between,
/// the next start finishes it.
struct TableSettlement {
    let settings: PipelineSettings
    let ports: PipelinePorts
    let notes: SchemaNotes
    let logger: Logger

    func settle(_ state: PipelineState) async throws -> SettledTables {
        // Before the catalogue is read: what commits in between is found by the next look at it.
        let point = try await ports.source.currentLSN()
        let catalogue = try await ports.catalogue()
        let arrival = TableArrival(settings: settings, ports: ports, logger: logger)
        try await arrival.requireConfigured(state, catalogue)
        let departure = TableDeparture(settings: settings, ports: ports, logger: logger)
        // A transaction that is applied in part is counted with all of its tables.
        let isSplit = state.checkpoint?.open != nil
        if !isSplit { try await departure.settleOrders(of: state, catalogue) }

        let before = try await ports.store.tables(of: state.pipeline)
        let shapes = try ShapeSettlement(settings: settings, notes: notes, serverVersion: state.source.serverVersion)
            .settle(before, catalogue, at: point, isPicked: state.picksTables)
        // Before the floor of its backfill is taken: as for a table that joins.
        let anew = shapes.updates.filter { $0.isAnew(since: before) }.map(\.table).names
        if !anew.isEmpty { try await ports.source.publish(anew) }
        try await ports.store.write(shapes.updates, of: state)
        notes.clear()
        for line in shapes.told { logger.notice("a table has changed", metadata: line) }

        if isSplit {
            try await departure.noteConfiguration(of: state)
        } else {
            try await departure.settleConfiguration(of: state)
        }
        let outsiders = try await arrival.settle(
            state, catalogue, at: point, holding: shapes.held, isSplit: isSplit)
        let tables = try await ports.store.tables(of: state.pipeline)
        let members = Set(tables.filter { $0.membership == .member }.map(\.table))
        let shown = ShownTables(tables, in: catalogue)
        let leaving = Set(tables.filter { isSplit && departure.isLeaving($0, state) }.map(\.route))
        return SettledTables(
            held: shapes.held, outsiders: outsiders,
            leaving: leaving,
            awaitsWholeTransaction: isSplit
                && (!leaving.isEmpty || outsiders.contains { $0.refusal == nil && !members.contains($0.table) }),
            unsettled: leaving.union(
                tables.filter { table in
                    table.acceptsChange && shown[table] == nil || table.membership == .joining
                }.map(\.route)))
    }
}

/// What a start has found of the tables, for the stream to go by.
struct SettledTables: Sendable {
    /// Changed, and not accepted: nothing is read of them.
    let held: Set<TableName>
    /// That would join, if nothing stood in the way.
    let outsiders: Set<Outsider>
    /// Stay until the transaction is whole that is applied in part; nothing is read of them.
    let leaving: Set<Route>
    /// Whether they, or somebody who would join, wait for that transaction.
    let awaitsWholeTransaction: Bool
    /// Of which more is asked than can be done now.
    let unsettled: Set<Route>
}

extension TableUpdate {
    /// Whether the table is another one than was stored, of the same name.
    fileprivate func isAnew(since tables: [TableState]) -> Bool {
        guard let oid = tables.first(where: { $0.route == stored })?.shape?.oid else { return false }
        return table.shape.map { $0.oid != oid } ?? false
    }
}
