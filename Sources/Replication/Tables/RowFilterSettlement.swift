import Logging
import Mapping
import Model

/// Which rows the server leaves out by itself, settled before a stream. That saves work and decides nothing: `where` is
/// asked of every row that comes, too.
///
/// The server leaves out a change of a row that isn't one of `where` before and after it, which is no document then. So a
/// filter is only there while nothing else can be: in collections that are Wherry's own, and not from when a table is to
/// be read again until it has been. It is taken away before the floor of that backfill, so that a row which the server
/// left out until then is seen by every chunk.
struct RowFilterSettlement {
    let settings: PipelineSettings
    let ports: PipelinePorts
    let logger: Logger

    /// - Throws: `Failure` of kind `.denied` or `.inUse` when a filter can't be taken away.
    func settle(_ state: PipelineState) async throws {
        let tables = try await ports.store.tables(of: state.pipeline)
        guard settings.rowFilters || tables.contains(where: { $0.rowFilter != nil }) else { return }
        // Another collection of the table takes other rows.
        let alone = tables.filter { table in tables.allSatisfy { $0.table != table.table || $0.route == table.route } }
        let wanted = try await filters(for: alone.filter(isReady), state.source.serverVersion)
        let there = try await ports.source.rowFilters()
        for table in tables {
            // Somebody else's is refused where the publication is looked at.
            if let now = there[table.table], now != table.rowFilter { continue }
            switch (there[table.table], wanted[table.table]) {
            case (.some, .some): break
            case (nil, let sql?): try await set(sql, for: table, of: state)
            case (_, nil) where table.rowFilter != nil:
                if there[table.table] != nil { try await ports.source.clearRowFilter(of: table.table) }
                try await store(nil, for: table, of: state)
                logger.notice("the source sends all rows of a table", metadata: ["table": "\(table.table)"])
            case (_, nil): break
            }
        }
        await ports.source.accept(rowFilters: try await ports.store.tables(of: state.pipeline).rowFilters)
    }

    /// Whether every document of the table is one of a row that `where` takes, once the stream is applied.
    private func isReady(_ table: TableState) -> Bool {
        let causes = [table.wanted?.cause, table.isBackfilling ? table.backfill?.cause : nil].compactMap { $0 }
        return table.membership == .member && table.wasEmpty && causes.allSatisfy { $0 == .first }
            && settings.rules.lastModified(of: table) == nil
    }

    private func filters(for tables: [TableState], _ serverVersion: Int) async throws -> [TableName: String] {
        guard settings.rowFilters, settings.plugin == .pgoutput, RowFilterSettlement.holds(serverVersion) else {
            return [:]
        }
        let filtered = tables.filter { settings.rules.mapping(of: $0).filter != nil }
        var filters: [TableName: String] = [:]
        for shown in filtered.isEmpty ? [] : try await ports.catalogTables(filtered.names) {
            guard let table = filtered.first(where: { $0.table == shown.schema.name }) else { continue }
            filters[table.table] = try MappingPlan(table, of: shown, by: settings.rules).rowFilter
        }
        return filters
    }

    /// Whether a server goes by a publication from the moment it is altered. Others may go by what it was before, for as
    /// long as they stream, when a transaction was open meanwhile (PostgreSQL release notes, 15.13, 16.9 and 17.5).
    static func holds(_ serverVersion: Int) -> Bool {
        switch serverVersion / 10_000 {
        case ..<15: false
        case 15: serverVersion >= 150_013
        case 16: serverVersion >= 160_009
        case 17: serverVersion >= 170_005
        default: true
        }
    }

    private func set(_ sql: String, for table: TableState, of state: PipelineState) async throws {
        let refusal = try await ports.source.setRowFilter(sql, of: table.table) { text in
            try await store(text, for: table, of: state)
        }
        if let refusal {
            return logger.warning(
                "the source sends all rows of a table: its publication can't have the filter",
                metadata: ["table": "\(table.table)", "reason": "\(refusal)"])
        }
        logger.notice("the source sends only rows of 'where'", metadata: ["table": "\(table.table)"])
    }

    private func store(_ filter: String?, for table: TableState, of state: PipelineState) async throws {
        var filtered = table
        filtered.rowFilter = filter
        try await ports.store.write([TableUpdate(table, to: filtered)], of: state)
    }
}
