/// A duration as people write it: `10s`, `500ms`, `2m`, `1h`; a bare number is seconds.
enum DurationText {
    /// nil when it is none, or longer than a year.
    static func parse(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        let milliseconds: Int
        switch text[digits.endIndex...] {
        case "ms": milliseconds = 1
        case "", "s": milliseconds = 1000
        case "m", "min": milliseconds = 60_000
        case "h": milliseconds = 3_600_000
        default: return nil
        }
        let (total, overflow) = number.multipliedReportingOverflow(by: milliseconds)
        return overflow || total > 365 * 24 * 3_600_000 ? nil : .milliseconds(total)
    }
}
