import BSON

// date, timestamp and timestamptz become BSON dates (milliseconds since 1970-01-01 UTC, cut towards the past; a date is
// its midnight, a timestamp is read as UTC). ±infinity becomes the string "infinity" or "-infinity". In a key a
// timestamp becomes ISO 8601 text with six decimals, with a Z for timestamptz. 64 bits of milliseconds hold every year
// PostgreSQL knows, so nothing else is out of range.

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
private let epochDays: Int64 = 10957
private let microsecondsPerDay: Int64 = 86_400_000_000

func encodeDate(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    let days = try Wire.only(bytes, Int32.self)
    switch days {
    case .max: putInfinity(isNegative: false, into: &writer)
    case .min: putInfinity(isNegative: true, into: &writer)
    default: writer.put(date: (Int64(days) + epochDays) * 86_400_000)
    }
}

func encodeDate(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    if let isNegative = infinity(bytes) { return putInfinity(isNegative: isNegative, into: &writer) }
    var scanner = DateScanner(bytes)
    let days = try scanner.days()
    try scanner.end()
    writer.put(date: days * 86_400_000)
}

/// `microseconds` since 2000-01-01, the extremes of Int64 being the infinities (PostgreSQL source, timestamp.h).
@inline(__always)
func putTimestamp(_ microseconds: Int64, into writer: inout BSONWriter) {
    if microseconds == .max || microseconds == .min {
        return putInfinity(isNegative: microseconds < 0, into: &writer)
    }
    writer.put(date: flooredQuotient(microseconds, 1000).quotient + epochDays * 86_400_000)
}

/// Since 1970-01-01; the last thirty years that PostgreSQL knows (from 294247 on) don't fit, and are text.
func putMicroseconds(_ microseconds: Int64, into writer: inout BSONWriter) {
    if microseconds == .max || microseconds == .min {
        return putInfinity(isNegative: microseconds < 0, into: &writer)
    }
    let (sum, overflow) = microseconds.addingReportingOverflow(epochDays * microsecondsPerDay)
    if overflow { return putTimestampText(microseconds, zone: "", into: &writer) }
    writer.put(int64: sum)
}

/// ISO 8601: `2024-01-02T03:04:05.000006`; years beyond 9999 carry a plus sign, and the year before 1 is 0000.
func putTimestampText(_ microseconds: Int64, zone: StaticString, into writer: inout BSONWriter) {
    if microseconds == .max || microseconds == .min {
        return putInfinity(isNegative: microseconds < 0, into: &writer)
    }
    let (day, time) = flooredQuotient(microseconds, microsecondsPerDay)
    let date = CivilDate(daysSince1970: day + epochDays)
    let start = writer.beginString()
    if date.year < 0 {
        writer.appendToString(0x2D)
    } else if date.year > 9999 {
        writer.appendToString(0x2B)
    }
    writer.appendDecimal(date.year.magnitude, width: 4)
    writer.appendToString(0x2D)
    writer.appendDecimal(UInt64(date.month), width: 2)
    writer.appendToString(0x2D)
    writer.appendDecimal(UInt64(date.day), width: 2)
    writer.appendToString(0x54)
    writer.appendClock(seconds: time / 1_000_000)
    writer.appendToString(0x2E)
    writer.appendDecimal(UInt64(time % 1_000_000), width: 6)
    writer.appendToString(zone)
    writer.endString(start)
}

/// Microseconds since 2000-01-01 from the ISO style of `DateStyle`, in the zone it names (sessions pin UTC).
func timestampMicroseconds(text bytes: UnsafeRawBufferPointer) throws(ValueError) -> Int64 {
    if let isNegative = infinity(bytes) { return isNegative ? .min : .max }
    var scanner = DateScanner(bytes)
    return try scanner.timestamp()
}

private func infinity(_ bytes: UnsafeRawBufferPointer) -> Bool? {
    if bytes.isText("infinity") { return false }
    return bytes.isText("-infinity") ? true : nil
}

private func putInfinity(isNegative: Bool, into writer: inout BSONWriter) {
    let start = writer.beginString()
    writer.appendToString(isNegative ? "-infinity" : "infinity")
    writer.endString(start)
}

@inline(__always)
func flooredQuotient(_ dividend: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}

extension BSONWriter {
    /// `HH:MM:SS`, with `seconds` not negative.
    mutating func appendClock(seconds: Int64) {
        appendDecimal(UInt64(seconds / 3600), width: 2)
        appendToString(0x3A)
        appendDecimal(UInt64(seconds / 60 % 60), width: 2)
        appendToString(0x3A)
        appendDecimal(UInt64(seconds % 60), width: 2)
    }
}
