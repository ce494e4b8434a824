import Foundation
import Model

/// Moments in UTC with milliseconds, as logs and reports show them: `2026-11-21T04:20:41.123Z`.
enum Timestamp {
    static func text(_ date: Date) -> String {
        text(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded(.down)))
    }

    static func text(_ time: SourceTime) -> String { text(milliseconds: time.unixMilliseconds) }

    static func text(milliseconds: Int64) -> String {
        // The whole second goes to Foundation, the rest is written here: formatting a fraction would round it.
        let (seconds, rest) = (milliseconds >= 0 ? milliseconds : milliseconds - 999).quotientAndRemainder(
            dividingBy: 1000)
        let fraction = Int(rest) + (milliseconds >= 0 ? 0 : 999)
        let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
        let digits = String(fraction)
        return whole.dropLast() + "." + String(repeating: "0", count: 3 - digits.count) + digits + "Z"
    }

    /// The present by this machine's clock, in the source's measure.
    static func now() -> SourceTime {
        let microseconds = (Date().timeIntervalSince1970 * 1_000_000).rounded(.down)
        return SourceTime(microseconds: Int64(microseconds) - SourceTime.epochOffsetSeconds * 1_000_000)
    }
}
