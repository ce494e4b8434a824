import Model

/// What a pause of the backfill is decided by, measured once a second; nil is unknown, and pauses nothing.
struct BackfillLoad: Hashable, Sendable {
    /// How far the stream is behind, in milliseconds.
    var lag: Int?
    /// WAL that the slot holds, in bytes.
    var heldWAL: Int?
    /// WAL that the server lets the slot hold, in bytes; nil without a limit.
    var allowedWAL: Int?
    /// How far the slowest standby is behind, in milliseconds.
    var replicaLag: Int?

    fileprivate func value(_ key: BackfillLimits.Key) -> Int? {
        switch key {
        case .rowsPerSecond: nil
        case .lag: lag
        case .heldWAL: heldWAL
        case .replicaLag: replicaLag
        }
    }
}

/// Decides whether a backfill may read on, and how much. Pure: it looks at no clock and no server itself.
///
/// A pause begins above a limit and ends at three quarters of it: a load that swings around the limit doesn't make the
/// backfill begin and stop every second.
struct BackfillThrottle: Sendable {
    private struct Pause {
        let since: ContinuousClock.Instant
        var value: Int
        var limit: Int
    }

    private(set) var limits: BackfillLimits
    private var rate = RowRate()
    private var load = BackfillLoad()
    /// By the limit that is exceeded.
    private var pauses: [BackfillLimits.Key: Pause] = [:]

    init(_ limits: BackfillLimits) {
        self.limits = limits
        rate.perSecond = limits[.rowsPerSecond]?.value
    }

    /// Other limits, from now on.
    mutating func set(_ limits: BackfillLimits, at now: ContinuousClock.Instant) {
        self.limits = limits
        rate.perSecond = limits[.rowsPerSecond]?.value
        judge(at: now)
    }

    /// A new measurement.
    mutating func note(_ load: BackfillLoad, at now: ContinuousClock.Instant) {
        self.load = load
        judge(at: now)
    }

    private mutating func judge(at now: ContinuousClock.Instant) {
        for key in BackfillLimits.Key.allCases {
            guard let value = load.value(key), let limit = limit(key) else {
                pauses[key] = nil
                continue
            }
            if let pause = pauses[key] {
                let isOver = value <= limit - limit / 4
                pauses[key] = isOver ? nil : Pause(since: pause.since, value: value, limit: limit)
            } else if value > limit {
                pauses[key] = Pause(since: now, value: value, limit: limit)
            }
        }
    }

    /// A slot that holds half of what it may is not made worse by us when nobody has said anything.
    private func limit(_ key: BackfillLimits.Key) -> Int? {
        guard let bound = limits[key] else { return key == .heldWAL ? load.allowedWAL.map { $0 / 2 } : nil }
        return bound.value
    }

    // MARK: - Reading

    enum Answer: Hashable, Sendable {
        /// So many rows may be read, and count as read.
        case read(Int)
        /// Ask again, at the latest after this time; without one, when something has changed.
        case wait(Duration?)
    }

    /// - Parameter rows: how many the reader would like.
    mutating func ask(for rows: Int, at now: ContinuousClock.Instant) -> Answer {
        guard pauses.isEmpty else { return .wait(nil) }
        if let wait = rate.wait(at: now) { return .wait(wait) }
        let rows = rate.limit(rows)
        rate.charge(rows, at: now)
        return .read(rows)
    }

    /// How many of these rows one second is worth.
    func limit(_ rows: Int) -> Int { rate.limit(rows) }

    /// Rows were read without having been asked for, or, if negative, were not read.
    mutating func charge(_ rows: Int, at now: ContinuousClock.Instant) { rate.charge(rows, at: now) }

    // MARK: - Telling

    /// Why nothing is read, and since when; nil while something may be.
    var waiting: Waiting? {
        guard let since = pauses.values.map(\.since).min() else { return nil }
        let reasons = BackfillLimits.Key.allCases.compactMap { key in pauses[key].map { reason(key, $0) } }
        return Waiting(reason: "the backfill pauses: \(reasons.joined(separator: "; "))", since: since)
    }

    private func reason(_ key: BackfillLimits.Key, _ pause: Pause) -> String {
        let (value, limit) = (pause.value, pause.limit)
        return switch key {
        case .rowsPerSecond: ""
        case .lag: "the stream is \(seconds(value)) behind, the limit is \(seconds(limit)) (\(key.rawValue))"
        case .replicaLag: "a standby is \(seconds(value)) behind, the limit is \(seconds(limit)) (\(key.rawValue))"
        case .heldWAL: "the slot holds \(megabytes(value)) of WAL, the limit is \(megabytes(limit)) (\(key.rawValue))"
        }
    }

    private func seconds(_ milliseconds: Int) -> String {
        milliseconds < 10_000 ? "\(tenths(milliseconds / 100)) s" : "\(milliseconds / 1000) s"
    }

    private func megabytes(_ bytes: Int) -> String {
        bytes < 10_000_000 ? "\(tenths(bytes / 100_000)) MB" : "\(bytes / 1_000_000) MB"
    }

    private func tenths(_ count: Int) -> String { "\(count / 10).\(count % 10)" }
}
