import Model

/// One look at the progress board, with both clocks.
struct ProgressSample: Sendable {
    let snapshot: ProgressSnapshot
    /// Monotonic: rates are made of differences of it.
    let instant: ContinuousClock.Instant
    /// This machine's wall clock: the lag in seconds is measured with it.
    let now: SourceTime
}

/// What people and logs are shown: a snapshot with the rates and estimates made from those before it.
struct ProgressReading: Sendable {
    let snapshot: ProgressSnapshot
    /// Since the first sample.
    let elapsed: Duration
    /// Rows copied a second, over the last seconds; nil with the first sample.
    let rowsPerSecond: Double?
    let changesPerSecond: Double?
    /// By table, in the snapshot's order.
    let tableRates: [Double?]
    /// Until the copy is finished; nil when unknown.
    let eta: Duration?
    let lagBytes: UInt64
    /// Age of the newest transaction applied, 0 when there is nothing to apply; nil when unknown.
    let lagSeconds: Double?
    /// For how long the worker has been waiting; nil while it works.
    let waitingFor: Duration?

    var rowsCopied: Int { snapshot.tables.reduce(0) { $0 + $1.copiedRows } }
    /// The planner's estimates, where they exist.
    var rowsEstimated: Int { snapshot.tables.reduce(0) { $0 + max($1.estimatedRows, $1.copiedRows) } }
    var tablesDone: Int { snapshot.tables.count { $0.isFinished } }
}

/// Turns samples into readings. Pure: it looks at no clock itself.
struct ProgressMeter: Sendable {
    /// Rates are averages over this time.
    static let window = Duration.seconds(5)

    private var first: ContinuousClock.Instant?
    private var samples: [ProgressSample] = []

    mutating func read(_ sample: ProgressSample) -> ProgressReading {
        let start = first ?? sample.instant
        first = start
        samples.append(sample)
        // One sample beyond the window stays, as the other end of the difference.
        while samples.count > 2, sample.instant - samples[1].instant >= ProgressMeter.window { samples.removeFirst() }
        return reading(of: sample, against: samples[0], start: start)
    }

    private func reading(
        of sample: ProgressSample, against base: ProgressSample, start: ContinuousClock.Instant
    ) -> ProgressReading {
        let seconds = (sample.instant - base.instant).inSeconds
        func rate(_ value: (ProgressSnapshot) -> Int) -> Double? {
            seconds > 0 ? max(0, Double(value(sample.snapshot) - value(base.snapshot)) / seconds) : nil
        }
        let rows = rate { $0.tables.reduce(0) { $0 + $1.copiedRows } }
        let rates = sample.snapshot.tables.map { table in
            rate { $0.tables.first { $0.table == table.table && $0.collection == table.collection }?.copiedRows ?? 0 }
        }
        return ProgressReading(
            snapshot: sample.snapshot, elapsed: sample.instant - start, rowsPerSecond: rows,
            changesPerSecond: rate { $0.changesApplied }, tableRates: rates,
            eta: ProgressMeter.eta(sample.snapshot.tables, rowsPerSecond: rows),
            lagBytes: sample.snapshot.sourceEnd.bytes(since: sample.snapshot.applied),
            lagSeconds: ProgressMeter.lag(sample),
            waitingFor: sample.snapshot.toldWaiting.map { sample.instant - $0.since }
        )
    }

    /// Remaining estimated rows at the present rate. A table that has more rows than estimated makes it unknown.
    private static func eta(_ tables: [TableProgress], rowsPerSecond: Double?) -> Duration? {
        guard let rowsPerSecond, rowsPerSecond > 0 else { return nil }
        let unfinished = tables.filter { !$0.isFinished }
        guard !unfinished.isEmpty, unfinished.allSatisfy({ $0.estimatedRows > $0.copiedRows }) else { return nil }
        let remaining = unfinished.reduce(0) { $0 + $1.estimatedRows - $1.copiedRows }
        return .seconds(Double(remaining) / rowsPerSecond)
    }

    private static func lag(_ sample: ProgressSample) -> Double? {
        if sample.snapshot.sourceEnd > .zero, sample.snapshot.applied >= sample.snapshot.sourceEnd { return 0 }
        guard let time = sample.snapshot.appliedCommitTime else { return nil }
        return max(0, Double(sample.now.microseconds - time.microseconds) / 1_000_000)
    }
}
