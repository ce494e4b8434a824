/// Dates and timestamps of expressions: days and microseconds since 2000-01-01, sessions being in UTC.
enum Moment {
    /// Days from 1970-01-01 to 2000-01-01.
    static let epochDays: Int64 = 10957
    static let microsecondsPerDay: Int64 = 86_400_000_000
    static let endlessDays = (past: Int64(Int32.min), future: Int64(Int32.max))

    static func days(text bytes: UnsafeRawBufferPointer) throws(ValueError) -> Int64 {
        if bytes.isText("infinity") { return endlessDays.future }
        if bytes.isText("-infinity") { return endlessDays.past }
        var scanner = DateScanner(bytes)
        let days = try scanner.days()
        try scanner.end()
        return days - epochDays
    }

    static func isEndless(days: Int64) -> Bool { days == endlessDays.past || days == endlessDays.future }

    static func isEndless(_ microseconds: Int64) -> Bool { microseconds == .min || microseconds == .max }

    /// Throws `.evaluation(.date)` for a day that is no date of PostgreSQL.
    static func checked(days: Int64) throws(ValueError) -> Int64 {
        guard ServerRange.dates.contains(days + epochDays) else { throw .evaluation(.date) }
        return days
    }

    /// Throws `.evaluation(.date)` for what is no timestamp of PostgreSQL.
    static func checked(_ microseconds: Int128) throws(ValueError) -> Int64 {
        guard let microseconds = Int64(exactly: microseconds), ServerRange.timestamps.contains(microseconds) else {
            throw .evaluation(.date)
        }
        return microseconds
    }

    /// The midnight of a date.
    static func midnight(_ days: Int64) throws(ValueError) -> Int64 {
        if isEndless(days: days) { return days < 0 ? .min : .max }
        return try checked(Int128(days) * Int128(microsecondsPerDay))
    }

    static func days(of microseconds: Int64) -> Int64 {
        if isEndless(microseconds) { return microseconds < 0 ? endlessDays.past : endlessDays.future }
        return flooredQuotient(microseconds, microsecondsPerDay).quotient
    }

    /// For comparing dates with timestamps: dates beyond the last timestamp are later than it and earlier than infinity.
    static func order(_ value: ExpressionValue) -> Int128 {
        switch value {
        case .days(let days) where isEndless(days: days): days < 0 ? .min : .max
        case .days(let days): Int128(days) * Int128(microsecondsPerDay)
        case .moment(let microseconds) where isEndless(microseconds): microseconds < 0 ? .min : .max
        case .moment(let microseconds): Int128(microseconds)
        default: 0
        }
    }

    // MARK: - Text

    static func text(days: Int64) -> String {
        if isEndless(days: days) { return days < 0 ? "-infinity" : "infinity" }
        let date = CivilDate(daysSince1970: days + epochDays)
        return serverDate(year: date.year, "-\(padded(date.month, 2))-\(padded(date.day, 2))")
    }

    /// Without the zeros at the end of a fraction, as `timestamp_out` writes it.
    static func text(_ microseconds: Int64, zone: String) -> String {
        if isEndless(microseconds) { return microseconds < 0 ? "-infinity" : "infinity" }
        let (day, time) = flooredQuotient(microseconds, microsecondsPerDay)
        let date = CivilDate(daysSince1970: day + epochDays)
        let seconds = time / 1_000_000
        var rest = "-\(padded(date.month, 2))-\(padded(date.day, 2)) \(padded(seconds / 3600, 2))"
        rest += ":\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        if time % 1_000_000 != 0 {
            var fraction = padded(time % 1_000_000, 6)
            while fraction.hasSuffix("0") { fraction.removeLast() }
            rest += "." + fraction
        }
        return serverDate(year: date.year, rest + zone)
    }

    /// The ISO form alone, which no setting changes: `2024-01-02`, ` BC` behind it for years before 1, or an infinity. nil
    /// for anything else.
    static func days(literal text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard let days = try? bytes.withUnsafeBytes({ bytes throws(ValueError) in try Moment.days(text: bytes) }) else {
            return nil
        }
        // What reads back as the same text was a day of the calendar.
        return Moment.text(days: days) == text ? days : nil
    }

    /// `2024-01-02 03:04:05.678`, the time or its fraction left out, with a zone in hours and minutes where `hasZone`.
    static func microseconds(literal text: String, hasZone: Bool) -> Int64? {
        if text == "infinity" || text == "-infinity" { return text.hasPrefix("-") ? .min : .max }
        if let days = days(literal: text) { return try? midnight(days) }
        guard let space = text.firstIndex(of: " "), let match = text[space...].wholeMatch(of: clock) else { return nil }
        let era = text.hasSuffix(" BC") ? " BC" : ""
        guard days(literal: String(text[..<space]) + era) != nil, hasZone || match.output.1 == nil else { return nil }
        let bytes = Array(text.utf8)
        return try? bytes.withUnsafeBytes { bytes throws(ValueError) in
            try checked(Int128(timestampMicroseconds(text: bytes)))
        }
    }

    private static var clock: Regex<(Substring, Substring?)> {
        /\x20(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?([+-][01][0-9](?::[0-5][0-9])?)?(?: BC)?/
    }
}
