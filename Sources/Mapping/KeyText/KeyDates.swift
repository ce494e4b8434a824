import BSON

// Dates and timestamps of a key in the ISO style of `DateStyle`; years before 1 with BC.

/// A midnight, or the name of an infinity.
func dateText(_ value: BSONValue) -> String? {
    switch value {
    case .string(let text): return isInfinity(text) ? text : nil
    case .date(let milliseconds):
        let (days, rest) = flooredQuotient(milliseconds, 86_400_000)
        guard rest == 0, ServerRange.dates.contains(days) else { return nil }
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
    guard let microseconds = microseconds(serverDate(year: year, moment)), ServerRange.timestamps.contains(microseconds)
    else {
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

/// A date or timestamp in the ISO style of `DateStyle`, from an astronomical year; `rest` is everything behind it.
func serverDate(year: Int64, _ rest: String) -> String {
    // 1 BC is the astronomical year 0.
    year > 0 ? padded(year, 4) + rest : padded(1 - year, 4) + rest + " BC"
}

func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

private func microseconds(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    return try? bytes.withUnsafeBytes { try timestampMicroseconds(text: $0) }
}
