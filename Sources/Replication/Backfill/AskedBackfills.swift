import Logging
import Model

/// What operators have asked of backfills, settled between two streams: while none runs, so that nothing is applied
/// that a new backfill's floor doesn't stand above.
struct AskedBackfills {
    let settings: PipelineSettings
    let ports: PipelinePorts
    let logger: Logger

    private var planner: BackfillPlanner { BackfillPlanner(source: ports.source, store: ports.store) }

    /// Begins what is asked for, and ends what is cancelled.
    ///
    /// - Returns: the pipeline's tables as they are stored then.
    func settle(_ state: PipelineState) async throws -> [TableState] {
        let tables = try await ports.store.tables(of: settings.pipeline)
        // Without these the tables are not whole: they can't be given up.
        let needed = tables.filter { ($0.wanted?.cause ?? .asked) != .asked }
        try await begin(needed, of: state)
        let asked = tables.filter { $0.wanted?.cause == .asked }
        // A hot standby ends the start here: it is no reason to give up what the primary can do.
        if !asked.isEmpty { _ = try await ports.source.assignTransactionID() }
        for table in asked { try await begin(asked: table, of: state) }
        let cancelled = tables.filter { $0.wanted == nil && $0.backfill?.isCancelled == true }
        try await ports.store.saveBackfills(
            cancelled.map { table in
                var ended = table.withoutBackfill
                ended.copyStage = .finished
                return ended
            }, of: state)
        for table in cancelled { logger.notice("backfill cancelled", metadata: ["table": "\(table.table)"]) }
        return try await ports.store.tables(of: settings.pipeline)
    }

    private func begin(_ tables: [TableState], of state: PipelineState) async throws {
        guard !tables.isEmpty else { return }
        try BackfillPlanner.requireMessages(of: state.source, begun: state.pipeline)
        let versions = try await CurrentTables(ports: ports, pipeline: settings.pipeline).versions(of: tables)
        try await planner.begin(tables, versions, of: state)
        for table in tables {
            logger.notice(
                "backfill begins",
                metadata: ["table": "\(table.table)", "cause": "\(table.wanted?.cause.rawValue ?? "")"])
        }
    }

    /// A request that can't be met must not keep the stream from starting.
    private func begin(asked table: TableState, of state: PipelineState) async throws {
        do {
            try await begin([table], of: state)
        } catch let failure as Failure
            where [.usage, .configuration, .chunkInterrupted, .copyInterrupted].contains(failure.kind)
        {
            logger.error(
                "the backfill that was asked for can't be made",
                metadata: ["table": "\(table.table)", "reason": "\(failure.message)"])
            try await ports.store.refuse(table, because: failure, of: settings.pipeline)
        }
    }
}
