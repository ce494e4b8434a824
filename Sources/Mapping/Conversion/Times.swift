import BSON

// time, timetz and interval become strings: exactly the server's text (`IntervalStyle` iso_8601 for intervals).

/// `time_send`: microseconds since midnight, 24:00 included.
func encodeTime(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    let microseconds = try Wire.only(bytes, Int64.self)
    let start = writer.beginString()
    try writer.appendTime(microseconds)
    writer.endString(start)
}

/// `timetz_send`: microseconds since midnight, then the zone in seconds *west* of UTC.
func encodeTimeWithZone(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let microseconds = try wire.read(Int64.self)
    let zone = Int64(try wire.read(Int32.self))
    try wire.end()
    let start = writer.beginString()
    try writer.appendTime(microseconds)
    writer.appendToString(zone <= 0 ? 0x2B : 0x2D)
    let offset = abs(zone)
    writer.appendDecimal(UInt64(offset / 3600), width: 2)
    if offset % 3600 != 0 {
        writer.appendToString(0x3A)
        writer.appendDecimal(UInt64(offset / 60 % 60), width: 2)
    }
    if offset % 60 != 0 {
        writer.appendToString(0x3A)
        writer.appendDecimal(UInt64(offset % 60), width: 2)
    }
    writer.endString(start)
}

/// `interval_send`: microseconds, days, months. All three at their extremes are the infinities of PostgreSQL 17.
func encodeInterval(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let microseconds = try wire.read(Int64.self)
    let days = try wire.read(Int32.self)
    let months = try wire.read(Int32.self)
    try wire.end()
    let start = writer.beginString()
    switch (microseconds, days, months) {
    case (.max, .max, .max): writer.appendToString("infinity")
    case (.min, .min, .min): writer.appendToString("-infinity")
    case (0, 0, 0): writer.appendToString("PT0S")
    default: writer.appendInterval(microseconds: microseconds, days: days, months: months)
    }
    writer.endString(start)
}

func encodeInterval(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.first == 0x50 || bytes.isText("infinity") || bytes.isText("-infinity") else {
        throw .malformed(.interval)
    }
    try encodeText(bytes, into: &writer)
}

extension BSONWriter {
    fileprivate mutating func appendTime(_ microseconds: Int64) throws(ValueError) {
        guard (0...86_400_000_000).contains(microseconds) else { throw .malformed(.date) }
        appendClock(seconds: microseconds / 1_000_000)
        appendFraction(UInt64(microseconds % 1_000_000))
    }

    /// `.` and up to six decimals without trailing zeros; nothing for zero.
    private mutating func appendFraction(_ microseconds: UInt64) {
        guard microseconds != 0 else { return }
        var digits = microseconds
        var width = 6
        while digits % 10 == 0 {
            digits /= 10
            width -= 1
        }
        appendToString(0x2E)
        appendDecimal(digits, width: width)
    }

    /// `EncodeInterval` with INTSTYLE_ISO_8601: every part has a sign of its own.
    fileprivate mutating func appendInterval(microseconds: Int64, days: Int32, months: Int32) {
        appendToString(0x50)
        appendPart(Int64(months / 12), 0x59)
        appendPart(Int64(months % 12), 0x4D)
        appendPart(Int64(days), 0x44)
        guard microseconds != 0 else { return }
        appendToString(0x54)
        appendPart(microseconds / 3_600_000_000, 0x48)
        appendPart(microseconds / 60_000_000 % 60, 0x4D)
        let rest = microseconds % 60_000_000
        guard rest != 0 else { return }
        if rest < 0 { appendToString(0x2D) }
        appendDecimal(rest.magnitude / 1_000_000)
        appendFraction(rest.magnitude % 1_000_000)
        appendToString(0x53)
    }

    private mutating func appendPart(_ value: Int64, _ unit: UInt8) {
        guard value != 0 else { return }
        if value < 0 { appendToString(0x2D) }
        appendDecimal(value.magnitude)
        appendToString(unit)
    }
}
