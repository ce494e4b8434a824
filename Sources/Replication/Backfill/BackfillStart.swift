import Logging
import Model

/// What a start of the stream has to go on with beside it, from what is stored.
struct BackfillStart: Sendable {
    let settings: PipelineSettings
    let ports: PipelinePorts
    /// The worker's.
    let epoch: Int64
    let progress: Progress
    let logger: Logger

    /// nil when every row is there.
    func unfinished(from checkpoint: Checkpoint) async throws -> LiveBackfill? {
        // What an earlier stream of this worker waited for is over.
        try await ports.store.leave(WorkerNote(epoch: epoch, waiting: nil), of: settings.pipeline)
        let rereads = try await ports.store.rereads(of: settings.pipeline)
        let collections = Set(rereads.map(\.collection))
        let states = try await ports.store.tables(of: settings.pipeline).filter {
            $0.isBackfilling || collections.contains($0.collection)
        }
        guard !states.isEmpty else { return nil }
        let target = ChunkTarget(workers: settings.copyWorkers, maxRows: settings.maxChunkRows)
        let board = BackfillBoard(workers: settings.copyWorkers, target: target)
        for state in states {
            if let backfill = state.backfill { board.add(backfill, estimatedRows: state.estimatedRows) }
        }
        // Tells the tokens of this stream from those an earlier one has left in the log.
        let run = "\(settings.worker.host) \(settings.worker.pid) \(SourceTime.now.microseconds)"
        let begun = VisibilityFence(floor: states.compactMap(\.backfill?.floor).max() ?? 0)
        let inbox = ChunkInbox(
            run: run, snapshot: try await ports.source.currentSnapshot(),
            fence: checkpoint.fence.map { $0.union(begun) } ?? begun)
        let gate = ThrottleGate(settings.backfillLimits, set: try await ports.store.limits(of: settings.pipeline))
        let watch = BackfillWatch(
            pipeline: settings.pipeline, epoch: epoch, ports: ports, gate: gate, inbox: inbox, progress: progress,
            logger: logger)
        return LiveBackfill(
            source: ports.source, tables: try await tables(states), board: board, rereads: RereadQueue(rereads),
            inbox: inbox, gate: gate, watch: watch, workers: settings.copyWorkers, chunkBytes: target.mostBytes,
            progress: progress, logger: logger)
    }

    private func tables(_ states: [TableState]) async throws -> [TableName: BackfillTable] {
        let versions = try await CurrentTables(ports: ports, pipeline: settings.pipeline).versions(of: states)
        var plans = PlanTable(tables: states)
        var tables: [TableName: BackfillTable] = [:]
        for (state, version) in zip(states, versions) {
            try plans.register(version)
            tables[state.table] = BackfillTable(
                version: version, plan: try plans.plan(for: version), key: state.keyColumns,
                expectsDocuments: state.backfill?.isAgain ?? false)
        }
        return tables
    }
}
