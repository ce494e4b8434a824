import Logging
import Mapping
import Model

/// What a start of the stream has to read beside it, from what is stored.
struct BackfillStart: Sendable {
    let settings: PipelineSettings
    let ports: PipelinePorts
    /// The worker's.
    let epoch: Int64
    let source: SourceIdentity
    let progress: Progress
    let logger: Logger

    /// - Parameters:
    ///   - all: the pipeline's tables, as they are stored.
    ///   - held: those of which nothing may be read until an operator has accepted that they have changed.
    ///   - leaving: those of which nothing is read any more: nobody knows what would become of it.
    /// - Returns: nil when nothing can be read beside the stream, and nothing has to be.
    func beside(
        _ all: [TableState], holding held: Set<TableName> = [], leaving: Set<Route> = [], from checkpoint: Checkpoint
    ) async throws -> LiveBackfill? {
        // What an earlier stream of this worker waited for is over.
        try await ports.store.leave(WorkerNote(epoch: epoch, waiting: nil), of: settings.pipeline)
        let (rereads, areAll) = try await storedRereads()
        let unfinished = Dictionary(grouping: rereads.filter { $0.cause == .backfill }, by: \.collection)
        let states = all.filter { !leaving.contains($0.route) }.filter { state in
            state.isBackfilling || unfinished[state.collection]?.contains(where: state.part.contains) == true || !areAll
        }
        if states.isEmpty {
            tellFinished(all)
            if rereads.isEmpty, !BackfillPlanner.hasMessages(source) { return nil }
        }
        let target = ChunkTarget(workers: settings.copyWorkers, maxRows: settings.maxChunkRows)
        let board = BackfillBoard(workers: settings.copyWorkers, target: target)
        let paused = states.filter {
            $0.isBackfilling && ($0.backfill?.isPaused == true || held.contains($0.table))
        }.map(\.route)
        for state in states where !paused.contains(state.route) {
            if let backfill = state.backfill { board.add(backfill, estimatedRows: state.estimatedRows) }
        }
        // Tells the tokens of this stream from those an earlier one has left in the log.
        let run = "\(settings.worker.host) \(settings.worker.pid) \(SourceTime.now.microseconds)"
        // A row of the exported snapshot may be of a transaction that commits for others only now, as it waits for a
        // standby: as for a backfill that begins.
        let copied = rereads.contains { $0.cause == .copy } ? try await ports.source.assignTransactionID() : 0
        let begun = VisibilityFence(floor: (states.compactMap(\.backfill?.floor) + [copied]).max() ?? 0)
        let inbox = ChunkInbox(
            run: run, snapshot: try await ports.source.currentSnapshot(),
            fence: checkpoint.fence.map { $0.union(begun) } ?? begun, progress: progress)
        let gate = ThrottleGate(settings.backfillLimits, set: try await ports.store.limits(of: settings.pipeline))
        let queue = RereadQueue(rereads, hasMore: !areAll)
        let watch = BackfillWatch(
            pipeline: settings.pipeline, epoch: epoch, ports: ports, gate: gate, inbox: inbox,
            tablesWaiting: { board.waiting + queue.waiting }, progress: progress, logger: logger)
        let tables = try await tables(states)
        return LiveBackfill(
            source: ports.source, target: ports.target, paused: paused,
            giveUp: { route, reason in
                guard let state = states.first(where: { $0.route == route }) else { return }
                try await ports.store.refuse(state, because: reason, of: settings.pipeline)
            }, tables: tables, rereadTables: rereadTables(of: all, leaving, tables),
            storedRereads: { try await ports.store.rereads(of: settings.pipeline, nil, limit: $0) },
            tracked: Set(states.map(\.collection) + rereads.map(\.collection)), board: board, rereads: queue,
            inbox: inbox, gate: gate, watch: watch, workers: settings.copyWorkers, chunkBytes: target.mostBytes,
            refusals: settings.refusals, progress: progress, logger: logger)
    }

    /// As many as are kept in memory, and whether these are all.
    private func storedRereads() async throws -> ([Reread], areAll: Bool) {
        let most = PendingRereads.most
        // What somebody has asked for the stream has to know of, however many others there are.
        let retried = try await ports.store.rereads(of: settings.pipeline, .retry, limit: 0)
        let rereads = try await ports.store.rereads(of: settings.pipeline, nil, limit: most)
        let known = Set(retried)
        return (retried + rereads.filter { !known.contains($0) }, rereads.count < most)
    }

    private func rereadTables(
        of all: [TableState], _ leaving: Set<Route>, _ tables: [Route: BackfillTable]
    ) -> RereadTables {
        RereadTables(Array(tables.values)) { reread in
            // A note that was left behind when its table left: somebody wanted the row again at that moment.
            guard let state = all.first(where: { $0.part.contains(reread) }) else {
                return (nil, nil)
            }
            if leaving.contains(state.route) { return (state.part, nil) }
            return (state.part, try await self.tables([state])[state.route])
        }
    }

    /// The last chunk may have been written by a stream that ended before the backfill could say so.
    private func tellFinished(_ states: [TableState]) {
        guard progress.snapshot().tables.contains(where: { !$0.isFinished }) else { return }
        progress.update { snapshot in
            for index in snapshot.tables.indices {
                let shown = snapshot.tables[index]
                let state = states.first { $0.table == shown.table && $0.collection == shown.collection }
                snapshot.tables[index].copiedRows = state?.backfill?.rows ?? snapshot.tables[index].copiedRows
                snapshot.tables[index].isFinished = true
            }
        }
        let rows = progress.snapshot().tables.reduce(0) { $0 + $1.copiedRows }
        logger.info("backfill finished", metadata: ["rows_copied": "\(rows)"])
    }

    /// Without those that are gone, where only single rows were to be read.
    private func tables(_ all: [TableState]) async throws -> [Route: BackfillTable] {
        if all.isEmpty { return [:] }
        let shown = ShownTables(all, in: try await ports.catalogue())
        let states = all.filter { $0.isBackfilling || shown[$0] != nil }
        let versions = try await CurrentTables(ports: ports, pipeline: settings.pipeline).versions(of: states)
        var tables: [Route: BackfillTable] = [:]
        for (state, version) in zip(states, versions) {
            let plan = try PlanTable.plan(of: state, for: version, by: settings.rules, showsPresent: true)
            // After a gap a document can be newer than its row because the source has lost what it shows.
            let guardField = state.backfill?.cause == .gap ? plan.streamGuard : plan.backfillGuard
            tables[state.route] = BackfillTable(
                route: state.route, version: version, plan: plan, key: state.keyColumns,
                isAsked: state.backfill?.cause == .asked, condition: state.backfill?.condition,
                expectsDocuments: state.backfill?.cause != .first || !state.wasEmpty
                    || settings.rules.lastModified(of: state) != nil,
                guardField: guardField)
        }
        return tables
    }
}
