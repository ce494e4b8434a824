import BSON

// Dates and timestamps of a key in the ISO style of `DateStyle`; years before 1 with BC.

/// From 4714-11-24 BC, the day 0 of the Julian calendar, to before 5874898 (PostgreSQL documentation, "Date/Time
/// Types"), in days since 1970.
private let dates: Range<Int64> = -2_440_588..<2_145_042_906
/// From the same day to before 294277, in microseconds since 2000 (PostgreSQL source, datatype/timestamp.h).
private let timestamps: Range<Int64> = -211_813_488_000_000_000..<9_223_371_331_200_000_000

/// A midnight, or the name of an infinity.
func dateText(_ value: BSONValue) -> String? {
    switch value {
    case .string(let text): return isInfinity(text) ? text : nil
    case .date(let milliseconds):
        let (days, rest) = flooredQuotient(milliseconds, 86_400_000)
        guard rest == 0, dates.contains(days) else { return nil }
        let date = CivilDate(daysSince1970: days)
        return serverDate(year: date.year, "-\(padded(date.month, 2))-\(padded(date.day, 2))")
    default: return nil
    }
}

/// From the text that `putTimestampText` makes; nil where it would not have made this one.
func momentText(iso text: String, zone: StaticString) -> String? {
    if isInfinity(text) { return text }
    // The year, then -MM-DDTHH:MM:SS.ffffff and the zone.
    let tail = text.utf8.suffix(22 + zone.utf8CodeUnitCount)
    guard let year = Int64(Substring(text.utf8[..<tail.startIndex])), year.magnitude < 1_000_000 else { return nil }
    let moment = "\(Substring(tail.prefix(6))) \(Substring(tail.dropFirst(7).prefix(15)))"
    guard let microseconds = microseconds(serverDate(year: year, moment)), timestamps.contains(microseconds) else {
        return nil
    }
    var writer = BSONWriter()
    let start = writer.beginDocument()
    writer.key(.id)
    putTimestampText(microseconds, zone: zone, into: &writer)
    writer.endDocument(start)
    let written = BSONDocument(unchecked: writer.bytes(in: start..<writer.count))["_id"]
    guard written == .string(text) else { return nil }
    return serverDate(year: year, zone.utf8CodeUnitCount == 0 ? moment : moment + "+00")
}

private func isInfinity(_ text: String) -> Bool { text == "infinity" || text == "-infinity" }

/// `rest` is everything behind the year.
private func serverDate(year: Int64, _ rest: String) -> String {
    // 1 BC is the astronomical year 0.
    year > 0 ? padded(year, 4) + rest : padded(1 - year, 4) + rest + " BC"
}

private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

private func microseconds(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    return try? bytes.withUnsafeBytes { try timestampMicroseconds(text: $0) }
}
