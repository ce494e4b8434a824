import Logging
import Model

/// A reading as one log line: the message is the phase, everything else is metadata.
enum ProgressLog {
    static func message(_ reading: ProgressReading) -> Logger.Message {
        switch reading.snapshot.phase {
        case .starting: "starting"
        case .copying: "copying"
        case .streaming: "streaming"
        case .stopping: "stopping"
        }
    }

    static func metadata(_ reading: ProgressReading, pipeline: String) -> Logger.Metadata {
        let snapshot = reading.snapshot
        var fields: Logger.Metadata = [:]
        fields[key: .pipeline] = "\(pipeline)"
        fields[key: .phase] = "\(snapshot.phase.rawValue)"
        if snapshot.phase == .copying || snapshot.isBackfilling
            || (snapshot.changesApplied == 0 && !snapshot.tables.isEmpty)
        {
            fields[key: .rowsCopied] = .stringConvertible(reading.rowsCopied)
            fields[key: .rowsEstimated] = .stringConvertible(reading.rowsEstimated)
            fields[key: .tables] = .stringConvertible(snapshot.tables.count)
            fields[key: .tablesDone] = .stringConvertible(reading.tablesDone)
            fields[key: .rowsPerSecond] = reading.rowsPerSecond.map { .stringConvertible(Int($0.rounded())) }
            fields[key: .etaSeconds] = reading.eta.map { .stringConvertible(Int($0.inSeconds.rounded())) }
        }
        if snapshot.phase == .streaming || snapshot.phase == .stopping {
            fields.merge(streamFields(reading)) { $1 }
        }
        if let waiting = snapshot.toldWaiting, let duration = reading.waitingFor {
            fields[key: .waiting] = "\(waiting.reason)"
            fields[key: .waitingSeconds] = .stringConvertible(Int(duration.inSeconds.rounded()))
        }
        return fields
    }

    private static func streamFields(_ reading: ProgressReading) -> Logger.Metadata {
        let snapshot = reading.snapshot
        var fields: Logger.Metadata = [:]
        fields[key: .appliedLSN] = "\(snapshot.applied)"
        fields[key: .confirmedLSN] = "\(snapshot.confirmed)"
        fields[key: .receivedLSN] = "\(snapshot.received)"
        fields[key: .sourceLSN] = "\(snapshot.sourceEnd)"
        fields[key: .lagBytes] = .stringConvertible(reading.lagBytes)
        fields[key: .lagSeconds] = reading.lagSeconds.map { .stringConvertible(($0 * 1000).rounded() / 1000) }
        fields[key: .changes] = .stringConvertible(snapshot.changesApplied)
        fields[key: .changesPerSecond] = reading.changesPerSecond.map { .stringConvertible(Int($0.rounded())) }
        fields[key: .transactions] = .stringConvertible(snapshot.transactionsApplied)
        fields[key: .batches] = .stringConvertible(snapshot.batchesApplied)
        fields[key: .queuedBytes] = .stringConvertible(snapshot.queuedBytes)
        if snapshot.changesCoalesced > 0 { fields[key: .coalesced] = .stringConvertible(snapshot.changesCoalesced) }
        if snapshot.transactionsSplit > 0 {
            fields[key: .transactionsSplit] = .stringConvertible(snapshot.transactionsSplit)
        }
        if snapshot.retries > 0 { fields[key: .retries] = .stringConvertible(snapshot.retries) }
        if snapshot.reconnects > 0 { fields[key: .reconnects] = .stringConvertible(snapshot.reconnects) }
        return fields.merging(backfillFields(snapshot.backfill)) { $1 }
    }

    private static func backfillFields(_ counts: BackfillCounts) -> Logger.Metadata {
        let all: [(LogKey, Int)] = [
            (.rowsStale, counts.rowsStale), (.rowsReadAgain, counts.rowsReadAgain),
            (.touchLogCleared, counts.touchLogCleared), (.fenceWaits, counts.fenceWaits),
        ]
        var fields: Logger.Metadata = [:]
        for (key, count) in all where count > 0 { fields[key: key] = .stringConvertible(count) }
        return fields
    }
}
