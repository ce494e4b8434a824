import Logging
import Mapping
import Model

/// Whether the tables are still mapped as their documents were, settled before a stream: another mapping is taken only
/// where that is asked for, and then the tables are read again beside the stream.
struct MappingSettlement {
    let settings: PipelineSettings
    let ports: PipelinePorts
    let acceptsChange: Bool
    let logger: Logger

    /// - Throws: `Failure(.configuration)` for a mapping that a table can't have, or that is another one than before.
    func settle(_ state: PipelineState) async throws {
        let tables = try await ports.store.tables(of: state.pipeline).filter {
            $0.membership == .member && settings.keeps($0, isPicked: state.picksTables)
        }
        // One that is gone from the source has nothing to be mapped any more.
        for shown in try await ports.catalogTables(tables.names) {
            for table in tables where table.table == shown.schema.name { try check(table, shown) }
        }
        let changed = tables.filter { $0.isMappedOtherwise(by: settings.rules) }
        guard let refusal = StartChecks.mapping(changed, of: state, rules: settings.rules) else { return }
        guard acceptsChange else { throw refusal }
        try BackfillPlanner.requireMessages(of: state.source, begun: state.pipeline)
        try await ports.store.write(changed.map { TableUpdate($0, to: taken($0)) }, of: state)
        for table in changed {
            logger.notice(
                "another mapping from now on: the table is read again",
                metadata: ["table": "\(table.table)", "collection": "\(table.collection)"])
        }
    }

    private func check(_ table: TableState, _ shown: SourceTable) throws {
        try PlanTable.requireSameKey(table, try MappingPlan(table, of: shown, by: settings.rules))
    }

    private func taken(_ table: TableState) -> TableState {
        var table = table
        table.mapping = settings.rules.mapping(of: table).fingerprint
        // Everything is read for those too.
        if table.wanted?.cause ?? .asked == .asked {
            table.wanted = BackfillRequest(
                cause: table.backfill?.cause == .gap && table.isBackfilling ? .gap : .schemaChange, condition: nil,
                removesGone: false, requestedAt: .now, host: settings.worker.host)
        }
        return table
    }
}

extension MappingPlan {
    /// Of a table of the pipeline as the catalogue shows it now.
    convenience init(_ table: TableState, of shown: SourceTable, by rules: MappingRules) throws(Failure) {
        try self.init(
            schema: shown.schema, collection: table.collection, keyColumns: table.keyColumns(in: shown.schema),
            lastModified: rules.lastModified(of: table), mapping: rules.mapping(of: table))
    }
}
