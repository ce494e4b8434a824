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
    /// Called with rows that a durable batch has left to be read again.
    var onRereads: @Sendable ([Reread]) -> Void = { _ in }
    /// Whether the rows are written that were to be read again when the target was reached.
    var hasSettledRereads: @Sendable () -> Bool = { true }

    /// Runs until the target position is applied (true) or there are no more steps (false).
    mutating func run() async throws -> Bool {
        if isAtEnd { return true }
        while let step = await handoff.take() {
            switch step {
            case .truncate(let collections):
                try await sink.truncate(collections, at: checkpoint)
                // No place to stop: what the transaction brings next belongs to it.
                continue
            case .chunk(let chunk, let batch):
                if let batch {
                    if let removed = try await sink.apply(batch, with: chunk.write, after: checkpoint) {
                        advance(batch)
                        chunk.settled(.written(chunk.write.rereads, removed: removed))
                        break
                    }
                    try await apply(batch)
                }
                try await write(chunk)
            case .batch(let batch): try await apply(batch)
            case .tell(let tell): tell()
            }
            if isAtEnd { return true }
        }
        return false
    }

    private var isAtEnd: Bool { target.isReached(by: checkpoint) && hasSettledRereads() }

    private mutating func apply(_ batch: WriteBatch) async throws {
        let begun = ContinuousClock.now
        try await sink.apply(batch, after: checkpoint)
        limits.succeed(in: .now - begun)
        advance(batch)
    }

    private func write(_ chunk: AdmittedChunk) async throws {
        do {
            let removed = try await sink.write(chunk.write, at: checkpoint)
            chunk.settled(.written(chunk.write.rereads, removed: removed))
        } catch let failure as Failure where failure.kind == .dataRefused {
            // The stream needs nothing of it, and neither do other chunks.
            chunk.settled(.refused(failure))
        }
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
