import Model

/// Takes batches from the preparer and has the sink apply them, one after the other.
struct BatchWriter {
    let sink: any DocumentSink
    let handoff: StepHandoff
    let positions: StreamPositions
    let progress: Progress
    let limits: AdaptiveLimits
    /// Where to stop: the first checkpoint at or beyond it ends the stream.
    let target: StreamTarget
    var checkpoint: Checkpoint
    /// Keys that are held back.
    var held: HeldKeys
    var refusals = RefusalPolicies()
    /// Called with rows that a durable batch has left to be read again.
    var onRereads: @Sendable ([Reread]) -> Void = { _ in }
    /// Whether the rows are written that were to be read again when the target was reached.
    var hasSettledRereads: @Sendable () -> Bool = { true }

    /// Runs until the target position is applied (true) or there are no more steps (false).
    mutating func run() async throws -> Bool {
        if isAtEnd { return true }
        while let step = await handoff.take() {
            switch step {
            case .truncate(let parts):
                try await truncate(parts)
                // No place to stop: what the transaction brings next belongs to it.
                continue
            case .chunk(let chunk, let batch): try await write(chunk, behind: batch)
            case .batch(let batch): try await apply(batch)
            case .tell(let tell): tell()
            }
            if isAtEnd { return true }
        }
        return false
    }

    private var isAtEnd: Bool { target.isReached(by: checkpoint) && hasSettledRereads() }

    private mutating func truncate(_ parts: [CollectionPart]) async throws {
        try await sink.truncate(parts, at: checkpoint)
        let holding = parts.filter { held.holds($0) }
        guard !holding.isEmpty else { return }
        try await sink.forgetLetters(of: holding, at: checkpoint)
        for part in holding { held.release(part) }
    }

    private mutating func apply(_ batch: WriteBatch) async throws {
        var batch = batch
        let begun = ContinuousClock.now
        try held.hold(&batch)
        while true {
            do {
                try await sink.apply(batch, after: checkpoint)
                break
            } catch let failure as Failure {
                guard let place = failure.place, refusals.holdsBack(failure) else {
                    let refused = batch.collections.first { $0.collection == failure.place?.collection }
                    throw failure.naming(placeIn: refused)
                }
                try held.refuse(place, of: &batch, because: failure.message)
            }
        }
        limits.succeed(in: .now - begun)
        advance(batch)
    }

    private mutating func write(_ chunk: AdmittedChunk, behind batch: WriteBatch?) async throws {
        var write = chunk.write
        if var batch {
            try held.hold(&batch)
            var (together, tried) = (held, write)
            try together.hold(&tried, at: batch.checkpoint)
            if let removed = try await sink.apply(batch, with: tried, after: checkpoint) {
                // How long that took says nothing of the batch: the limits are not told.
                held = together
                advance(batch)
                return settle(chunk, tried, removed: removed)
            }
            // They are gone from its documents by now.
            write.leavesRowsOut = tried.leavesRowsOut
            try await apply(batch)
        }
        let before = held
        // Once more: the batch may have held more keys.
        try held.hold(&write, at: checkpoint)
        var refusals = refusals
        refusals.isRetry = write.settled.contains { $0.cause == .retry }
        while true {
            do {
                let removed = try await sink.write(write, at: checkpoint)
                return settle(chunk, write, removed: removed)
            } catch let failure as Failure where failure.kind == .dataRefused {
                guard let place = failure.place, refusals.holdsBack(failure) else {
                    // The stream needs nothing of it, and neither do other chunks. Its letters are not written.
                    held = before
                    return chunk.settled(.refused(failure.naming(placeIn: write.documents)))
                }
                try held.refuse(place, of: &write, because: failure.message, at: checkpoint)
            }
        }
    }

    private mutating func settle(_ chunk: AdmittedChunk, _ write: ChunkWrite, removed: Int) {
        held.settle(write)
        chunk.settled(.written(write.rereads, removed: removed))
    }

    private mutating func advance(_ batch: WriteBatch) {
        checkpoint = batch.checkpoint
        positions.apply(checkpoint.lsn)
        PipelineMetrics.applied(batch.counts)
        progress.update {
            $0.applied = batch.checkpoint.lsn
            $0.appliedCommitTime = batch.checkpoint.commitTime ?? $0.appliedCommitTime
            $0.changesApplied += batch.counts.changes
            $0.transactionsApplied += batch.counts.transactions
            $0.changesCoalesced += batch.counts.coalesced
            $0.batchesApplied += 1
            if batch.counts.startsSplitTransaction { $0.transactionsSplit += 1 }
        }
        if !batch.rereads.isEmpty { onRereads(batch.rereads) }
    }
}
