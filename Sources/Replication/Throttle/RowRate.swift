/// Keeps reading to so many rows a second, however many read: every chunk pushes the moment before which nothing more
/// may be read by the time its rows are worth. Time that nobody used is not made up for.
struct RowRate: Sendable {
    /// nil: as fast as it goes.
    var perSecond: Int? {
        // Debts were made at another rate.
        didSet { if perSecond != oldValue { free = nil } }
    }
    private var free: ContinuousClock.Instant?

    /// Rows one chunk may have: what a second is worth.
    func limit(_ rows: Int) -> Int { min(rows, perSecond ?? rows) }

    /// For how long nothing may be read yet; nil when it may be now.
    func wait(at now: ContinuousClock.Instant) -> Duration? {
        guard let free, free > now else { return nil }
        return free - now
    }

    /// Rows are read, or will be; a negative number of them was not read after all.
    mutating func charge(_ rows: Int, at now: ContinuousClock.Instant) {
        guard let perSecond else { return }
        free = max(free ?? now, now) + .seconds(Double(rows) / Double(perSecond))
    }
}
