import Model

/// What became of a seed.
struct OracleOutcome: Sendable {
    let seed: UInt64
    /// Empty when every row equals its document.
    var differences: [String] = []
    private(set) var hazards = OracleHazards()
    /// The end of the last run's log, of a seed that could not be run to its end.
    var log = ""

    init(_ seed: UInt64) { self.seed = seed }

    /// - Parameter isRestart: whether another run came before it.
    mutating func add(_ run: OracleRun, isRestart: Bool) {
        let counts = run.progress.snapshot().backfill
        hazards.staleRows += counts.rowsStale
        hazards.invisibleCommits += counts.chunksBehind
        hazards.partialChanges += counts.rowsReadAgain
        hazards.keyChanges += counts.keysMoved
        hazards.touchLogLimits += counts.touchLogCleared
        hazards.reconnects += run.progress.snapshot().reconnects
        // A fence of the touch log's limit is not one of the restart.
        if isRestart {
            hazards.restarts += 1
            if counts.touchLogCleared == 0 { hazards.restartsInGap += min(counts.fenceWaits, 1) }
        }
    }
}

extension OracleOutcome: CustomStringConvertible {
    var description: String {
        "seed \(seed); again with WHERRY_SEED=\(seed) swift test --filter BackfillOracleTests, or make soak SEED=\(seed)\n"
            + differences.prefix(10).joined(separator: "\n") + (log.isEmpty ? "" : "\n\(log)")
    }
}
