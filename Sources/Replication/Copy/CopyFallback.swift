import Logging
import Model

/// What is left of a copy whose snapshot is gone, for as long as its worker lives. (In memory alone: a worker that was
/// killed leaves none, and its successor begins again from nothing.)
struct InterruptedCopy: Sendable {
    /// Of the slot: everything committed before is in the copy's documents, everything after in the stream.
    let consistentPoint: LSN
    let copy: SharedCopy
    let rangeCount: Int
    /// Every table; once they are counted, those that are finished are whole as of the consistent point.
    var tables: [TableState]
    /// Whether it is known which tables are finished; their ranges are gone then.
    var isCounted = false

    var unfinished: [TableState] { tables.filter { $0.copyStage != .finished } }
}

/// Goes on with a copy whose snapshot is gone: the slot is still there, so the tables that are not whole are read
/// beside its stream, from the position of the snapshot.
///
/// Why nothing stale stays: a document that the copy has written is a row as of the consistent point. If that row has
/// been changed or deleted since, it was by a transaction that commits behind the point, which the stream brings;
/// deletes and whole rows are applied whether or not the backfill has come to their key. If it is unchanged, the
/// backfill writes the same document once more. What an earlier attempt has noted in an adopted collection, and this
/// one has not, belongs to an older snapshot, and its delete may lie before this slot: it is removed here, and comes
/// with the backfill if there is a row.
///
/// The plan is stored before the stage: a crash in between leaves a pipeline whose copy is not whole.
struct CopyFallback {
    let pipeline: Pipeline
    let lease: PipelineLease

    private var ports: PipelinePorts { pipeline.ports }

    /// Returns the state in stage `.streaming`; nil, having said why, when the copy can only begin again.
    func goOn(with copy: InterruptedCopy, of before: PipelineState) async throws -> PipelineState? {
        do {
            try await requireStream(of: before, from: copy.consistentPoint)
            return try await plan(settle(copy), before)
        } catch let failure as Failure where failure.kind == .configuration {
            pipeline.logger.notice(
                "the copy can't be finished beside the stream", metadata: ["reason": "\(failure.message)"])
            return nil
        }
    }

    private func requireStream(of state: PipelineState, from point: LSN) async throws {
        guard pipeline.settings.usesSlot else {
            throw Failure(.configuration, "a copy without a slot has no stream")
        }
        try BackfillPlanner.requireMessages(of: state.source)
        guard let slot = try await ports.source.slot() else {
            throw Failure(.configuration, "slot \(state.slot) is gone")
        }
        guard !slot.isLost, slot.confirmedFlushLSN.map({ $0 <= point }) ?? false else {
            throw Failure(.configuration, "slot \(slot.name) has lost what was written since the copy began")
        }
    }

    /// Finds out which tables are whole, and ends the copy for everybody who takes part in it.
    private func settle(_ copy: InterruptedCopy) async throws -> InterruptedCopy {
        var counted = copy
        if !copy.isCounted {
            let progress = try await ports.ranges.progress(of: copy.copy)
            guard progress.reduce(0, { $0 + $1.ranges }) == copy.rangeCount else {
                throw Failure(.configuration, "it is not known how far the copy was")
            }
            counted.tables = progress.applied(to: copy.tables)
            counted.isCounted = true
            await lease.note(interruptedCopy: counted)
        }
        try await ports.ranges.close(copy.copy.pipeline, epoch: copy.copy.epoch, isWhole: false)
        return counted
    }

    private func plan(_ copy: InterruptedCopy, _ before: PipelineState) async throws -> PipelineState {
        let unfinished = copy.unfinished
        let versions = try await CurrentTables(ports: ports, pipeline: before.pipeline).versions(of: unfinished)
        let sinks = try await lease.copySinks()
        for table in unfinished where !table.wasEmpty {
            // Some of these rows are still there, and would be missing until the backfill comes to them.
            guard try await !sinks[0].hasStaleNotes(of: table.part, attempt: before.copyAttempt) else {
                throw Failure(
                    .configuration, "collection \(table.collection) holds rows of an earlier attempt at the copy")
            }
        }
        for table in copy.tables where !table.wasEmpty && table.copyStage == .finished {
            try await sinks[0].sweepLedger(of: table.part, attempt: before.copyAttempt)
        }
        try await BackfillPlanner(source: ports.source, store: ports.store)
            .begin(unfinished, versions, of: before, cause: .copyLost)
        try await ports.store.saveProgress(
            copy.tables.filter { $0.copyStage == .finished }, of: before.pipeline)
        var state = before
        state.checkpoint = Checkpoint(lsn: copy.consistentPoint)
        state.stage = .streaming
        state.stageSince = .now
        try await ports.store.save(state)
        pipeline.logger.notice(
            "the copy's snapshot is gone: what is left is read beside the stream",
            metadata: [
                "consistent_point": "\(copy.consistentPoint)",
                "tables_whole": "\(copy.tables.count - unfinished.count)", "tables_left": "\(unfinished.count)",
            ])
        return state
    }
}
