import BSON

// Numbers of a key as text. MongoDB finds a document by a number of any type that is exactly equal, so every one of
// them is taken for the row that it would be found by.

func integerText<Number: FixedWidthInteger>(_ value: BSONValue, _: Number.Type) -> String? {
    (value.asInt64 ?? ExactDecimal(value)?.integer).flatMap { Number(exactly: $0) }.map { String($0) }
}

/// The shortest text that reads back as the same double.
func float8Text(_ value: BSONValue) -> String? {
    number(value).map { special($0) ?? $0.description }
}

/// nil for a double that is no float4.
func float4Text(_ value: BSONValue) -> String? {
    guard let double = number(value) else { return nil }
    return special(double) ?? Float(exactly: double)?.description
}

/// With the scale of a Decimal128, as the server writes it. A string holds what has more than 34 digits or 6176
/// decimals, and nothing else.
func numericText(_ value: BSONValue) -> String? {
    switch value {
    case .string(let text): return isLongNumeric(text) ? text : nil
    case .double(let value) where !value.isFinite: return special(value)
    case .decimal128(let decimal):
        guard let (coefficient, exponent) = decimal.components else { return special(decimal) }
        return plainText(isNegative: decimal.isNegative, coefficient, exponent: exponent)
    default:
        guard let number = ExactDecimal(value) else { return nil }
        return plainText(isNegative: number.isNegative, number.coefficient, exponent: number.exponent)
    }
}

/// The double that equals the value.
private func number(_ value: BSONValue) -> Double? {
    switch value {
    case .double(let value): value
    case .decimal128(let value) where value.isNaN: .nan
    case .decimal128(let value) where !value.isFinite: value.isNegative ? -.infinity : .infinity
    default: ExactDecimal(value)?.double
    }
}

private func special(_ value: Double) -> String? {
    value.isNaN ? "NaN" : value.isFinite ? nil : value < 0 ? "-Infinity" : "Infinity"
}

private func special(_ value: Decimal128) -> String? {
    value.isNaN ? "NaN" : value.isFinite ? nil : value.isNegative ? "-Infinity" : "Infinity"
}

/// Without an exponent, and zero without a sign. nil for more than 34 digits: such a number is a string in a key.
private func plainText(isNegative: Bool, _ coefficient: UInt128, exponent: Int) -> String? {
    if coefficient == 0, exponent > 0 { return "0" }
    let digits = String(coefficient)
    guard digits.utf8.count + max(exponent, 0) <= 34 else { return nil }
    let sign = isNegative && coefficient != 0 ? "-" : ""
    if exponent >= 0 { return sign + digits + String(repeating: "0", count: exponent) }
    let padded = String(repeating: "0", count: max(0, 1 - exponent - digits.utf8.count)) + digits
    return "\(sign)\(padded.dropLast(-exponent)).\(padded.suffix(-exponent))"
}

/// Whether a numeric is written into a key as this string. The limits are those of `numeric` (PostgreSQL documentation,
/// "Arbitrary Precision Numbers").
private func isLongNumeric(_ text: String) -> Bool {
    let parts = text.utf8.drop { $0 == 0x2D }.split(separator: 0x2E, omittingEmptySubsequences: false)
    guard let whole = parts.first, (1...131_072).contains(whole.count), whole.count == 1 || whole.first != 0x30 else {
        return false
    }
    if parts.count > 1, !(1...16383).contains(parts[1].count) { return false }
    return ScalarCodec.numeric.value(ofText: text) == .string(text)
}

extension ScalarCodec {
    /// What becomes of a value's text; nil where the text is none.
    fileprivate func value(ofText text: String) -> BSONValue? {
        var writer = BSONWriter()
        let start = writer.beginDocument()
        writer.key(.id)
        let bytes = Array(text.utf8)
        guard (try? bytes.withUnsafeBytes { try encode(text: $0, into: &writer) }) != nil else { return nil }
        writer.endDocument(start)
        return BSONDocument(unchecked: writer.bytes(in: start..<writer.count))["_id"]
    }
}
