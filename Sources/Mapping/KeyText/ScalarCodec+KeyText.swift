import BSON

extension ScalarCodec {
    /// The text of a value that this codec wrote into a key, or of a number equal to it; nil for any other value.
    func keyText(of value: BSONValue) -> String? {
        switch self {
        case .bool: value.asBool.map { $0 ? "t" : "f" }
        case .int2: integerText(value, Int16.self)
        case .int4: integerText(value, Int32.self)
        case .int8: integerText(value, Int64.self)
        case .oid: integerText(value, UInt32.self)
        case .float4: float4Text(value)
        case .float8: float8Text(value)
        case .numeric: numericText(value)
        case .bytea: binary(value, subtype: 0).map { "\\x" + hexadecimal($0) }
        case .uuid: binary(value, subtype: 4).flatMap { uuidText($0) }
        case .date: dateText(value)
        case .timestampText: string(value).flatMap { momentText(iso: $0, zone: "") }
        case .timestamptzText: string(value).flatMap { momentText(iso: $0, zone: "Z") }
        case .counter32, .counter64, .lsn, .char, .time, .timetz, .interval, .inet, .macaddr, .bits, .text, .serverText,
            .line, .lseg, .box, .path, .polygon, .circle, .tid, .snapshot, .tsvector, .versionedText:
            string(value).flatMap { hasForm($0) ? $0 : nil }
        // Never in a key (`forKey`).
        case .timestamp, .timestamptz, .timestampMicros, .json, .jsonb, .tsquery, .point, .hstore, .int2vector,
            .oidvector, .floatVector,
            .geometry:
            nil
        }
    }

    /// Whether a string looks as this codec writes it. The server reads more than it writes (`now` is a time, `x1F` are
    /// bits, any word is an xid), and would take such a string for another row's key.
    private func hasForm(_ text: String) -> Bool {
        switch self {
        case .counter32: UInt32(text).map { String($0) } == text
        case .counter64: UInt64(text).map { String($0) } == text
        case .lsn: text.wholeMatch(of: /(0|[1-9A-F][0-9A-F]{0,7})\/(0|[1-9A-F][0-9A-F]{0,7})/) != nil
        case .char: text.utf8.count < 2 || text.wholeMatch(of: /\\[23][0-7][0-7]/) != nil
        case .time: text.wholeMatch(of: /[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?/) != nil
        case .timetz:
            text.wholeMatch(
                of: /[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?[+-][0-9]{2}(:[0-9]{2}){0,2}/) != nil
        case .interval: text == "infinity" || text == "-infinity" || text.wholeMatch(of: /P[-0-9YMDTHS.]+/) != nil
        case .inet: text.wholeMatch(of: /[0-9a-f:.]+(\/[0-9]{1,3})?/) != nil
        case .macaddr: text.wholeMatch(of: /[0-9a-f]{2}(:[0-9a-f]{2}){5}((:[0-9a-f]{2}){2})?/) != nil
        case .bits: text.utf8.allSatisfy { $0 == 0x30 || $0 == 0x31 }
        default: true
        }
    }
}

/// A string that PostgreSQL can hold: without a NUL character, at which a text parameter would end.
private func string(_ value: BSONValue) -> String? { value.asString.flatMap { $0.utf8.contains(0) ? nil : $0 } }

private func binary(_ value: BSONValue, subtype: UInt8) -> [UInt8]? {
    if case .binary(subtype, let bytes) = value { bytes } else { nil }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    var digits: [UInt8] = []
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] { digits.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
    }
    return String(decoding: digits, as: UTF8.self)
}

private func uuidText(_ bytes: [UInt8]) -> String? {
    guard bytes.count == 16 else { return nil }
    return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { hexadecimal(bytes[$0]) }.joined(separator: "-")
}
