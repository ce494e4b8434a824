import Model

/// Limits as people write and read them.
extension BackfillLimits.Key {
    private enum Unit {
        case rows, duration, size
    }

    private var unit: Unit {
        switch self {
        case .rowsPerSecond: .rows
        case .lag, .replicaLag: .duration
        case .heldWAL: .size
        }
    }

    /// What a value has to look like, to follow "It must be".
    var form: String {
        switch unit {
        case .rows: "a whole number from 1 to 1000000000, or none"
        case .duration: "a duration from 1ms to a year, like 90s or 5m, or none"
        case .size: "a size of at least 1 MB, like 10GB or 512MiB, or none"
        }
    }

    /// Reads a value: a number of rows, a duration (`90s`), a size (`10GB`), or `none` for no limit; nil when it is
    /// nothing of the kind.
    func bound(_ text: String) -> BackfillLimits.Bound? {
        if text == "none" { return .unlimited }
        let value: Int?
        switch unit {
        case .rows: value = Int(text).flatMap { (1...1_000_000_000).contains($0) ? $0 : nil }
        case .duration:
            value = DurationText.parse(text).map { Int($0 / .milliseconds(1)) }.flatMap { $0 > 0 ? $0 : nil }
        case .size: value = ByteSize.parse(text).flatMap { $0 >= 1_000_000 ? $0 : nil }
        }
        return value.map { .at($0) }
    }

    /// A bound in the shortest form that `bound` reads back: `500`, `90s`, `10GB`, `none`.
    func text(_ bound: BackfillLimits.Bound) -> String {
        guard let value = bound.value else { return "none" }
        let units: [(Int, String)] =
            switch unit {
            case .rows: []
            case .duration: [(3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")]
            case .size:
                [(1 << 30, "GiB"), (1_000_000_000, "GB"), (1 << 20, "MiB"), (1_000_000, "MB"), (1 << 10, "KiB")]
            }
        guard let (size, name) = units.first(where: { value.isMultiple(of: $0.0) }) else { return String(value) }
        return "\(value / size)\(name)"
    }
}
