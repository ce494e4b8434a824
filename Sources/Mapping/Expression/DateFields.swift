/// `extract` and `date_trunc` (PostgreSQL documentation, "Date/Time Functions and Operators"; source, timestamp.c, date.c).
enum DateField: String, CaseIterable {
    case year, quarter, month, week, day, hour, minute, second, isoyear, dow, isodow, doy, epoch

    /// Whether a date has it, too.
    var isOfDate: Bool { self != .hour && self != .minute && self != .second }

    var canTruncate: Bool {
        switch self {
        case .isoyear, .dow, .isodow, .doy, .epoch: false
        default: true
        }
    }

    /// nil is NULL: an infinite moment has no month.
    func extracted(from value: ExpressionValue) -> PostgresNumeric? {
        switch value {
        case .days(let days):
            if Moment.isEndless(days: days) { return endless(isPast: days < 0) }
            if self == .epoch { return PostgresNumeric((days + Moment.epochDays) * 86_400) }
            return PostgresNumeric(ofDay(days))
        case .moment(let microseconds):
            if Moment.isEndless(microseconds) { return endless(isPast: microseconds < 0) }
            return extracted(from: microseconds)
        default: return nil
        }
    }

    private func endless(isPast: Bool) -> PostgresNumeric? {
        guard self == .year || self == .isoyear || self == .epoch else { return nil }
        return isPast ? .negativeInfinity : .infinity
    }

    private func extracted(from microseconds: Int64) -> PostgresNumeric {
        let (days, time) = flooredQuotient(microseconds, Moment.microsecondsPerDay)
        switch self {
        case .hour: return PostgresNumeric(time / 3_600_000_000)
        case .minute: return PostgresNumeric(time / 60_000_000 % 60)
        case .second: return DateField.seconds(Int128(time % 60_000_000))
        case .epoch:
            return DateField.seconds(
                Int128(microseconds) + Int128(Moment.epochDays) * Int128(Moment.microsecondsPerDay))
        default: return PostgresNumeric(ofDay(days))
        }
    }

    private static func seconds(_ microseconds: Int128) -> PostgresNumeric {
        // At most 2^63 and the thirty years from 1970 to 2000.
        let magnitude = Magnitude(UInt64(truncatingIfNeeded: microseconds.magnitude))
        let seconds = FixedPoint(isNegative: microseconds < 0, magnitude: magnitude, scale: 6)
        // Beyond 64 bits, which the last thirty years are, timestamp_part_common divides numerics: of that many digits
        // the quotient has four decimals.
        guard microseconds >= Int128(Int64.max) else { return .finite(seconds) }
        return .finite(seconds.rounded(to: 4, .half).rounded(to: 6, .half))
    }

    private func ofDay(_ days: Int64) -> Int64 {
        let day = DateField.since1970(days)
        let date = CivilDate(daysSince1970: day)
        // The week belongs to the year of its Thursday.
        let thursday = day - DateField.daysSinceMonday(day) + 3
        let year = CivilDate(daysSince1970: thursday).year
        switch self {
        // There is no year 0: before 1 is -1.
        case .year: return date.year > 0 ? date.year : date.year - 1
        case .isoyear: return year > 0 ? year : year - 1
        case .quarter: return (date.month - 1) / 3 + 1
        case .month: return date.month
        case .day: return date.day
        case .week: return (thursday - DateField.firstDay(ofYear: year)) / 7 + 1
        case .dow: return (DateField.daysSinceMonday(day) + 1) % 7
        case .isodow: return DateField.daysSinceMonday(day) + 1
        case .doy: return day - DateField.firstDay(ofYear: date.year) + 1
        case .hour, .minute, .second, .epoch: return 0
        }
    }

    private static func since1970(_ days: Int64) -> Int64 { days + Moment.epochDays }

    private static func firstDay(ofYear year: Int64) -> Int64 { CivilDate(year: year, month: 1, day: 1).daysSince1970 }

    /// 1970-01-01 was a Thursday.
    private static func daysSinceMonday(_ day: Int64) -> Int64 { flooredQuotient(day + 3, 7).remainder }

    /// The moment cut down to this field.
    func truncated(_ microseconds: Int64) throws(ValueError) -> Int64 {
        if Moment.isEndless(microseconds) { return microseconds }
        let unit: Int64? =
            switch self {
            case .second: 1_000_000
            case .minute: 60_000_000
            case .hour: 3_600_000_000
            case .day: Moment.microsecondsPerDay
            default: nil
            }
        if let unit { return microseconds - flooredQuotient(microseconds, unit).remainder }
        let day = DateField.since1970(Moment.days(of: microseconds))
        let date = CivilDate(daysSince1970: day)
        let first =
            switch self {
            case .week: day - DateField.daysSinceMonday(day)
            case .month: CivilDate(year: date.year, month: date.month, day: 1).daysSince1970
            case .quarter: CivilDate(year: date.year, month: (date.month - 1) / 3 * 3 + 1, day: 1).daysSince1970
            default: DateField.firstDay(ofYear: date.year)
            }
        return try Moment.checked(Int128(first - Moment.epochDays) * Int128(Moment.microsecondsPerDay))
    }
}
