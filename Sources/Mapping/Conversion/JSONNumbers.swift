import BSON

// Numbers of json and jsonb. An integer becomes int32 or int64 if it fits, else Decimal128. Anything with a point or an
// exponent becomes a double if the double's shortest decimal form is that number (so nothing is lost), else Decimal128.
// What neither holds exactly (more than 34 digits) becomes a string, as it is written.

/// Writes the number that is `text`, which holds digits, a sign, a point and an exponent only.
func encodeJSONNumber(_ text: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    let number = try JSONNumber(text)
    if number.isInteger, let value = number.int64 {
        if let small = Int32(exactly: value) {
            writer.put(int32: small)
        } else {
            writer.put(int64: value)
        }
    } else if !number.isInteger, let value = number.double ?? slowDouble(text, number) {
        writer.put(double: value)
    } else if let value = Decimal128(text: text) {
        writer.put(decimal128: value)
    } else {
        writer.put(string: text)
    }
}

/// The double whose shortest decimal form is the number, by way of the standard library; nil when there is none.
private func slowDouble(_ text: UnsafeRawBufferPointer, _ number: JSONNumber) -> Double? {
    if number.isDecided { return nil }
    guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite,
        let exact = Decimal128(text: text), let shortest = Decimal128(value.description)
    else { return nil }
    return exact.isNumericallyEqual(to: shortest) ? value : nil
}

extension Decimal128 {
    /// Equal as numbers, whatever the scale; NaN equals nothing, and only finite numbers are compared.
    fileprivate func isNumericallyEqual(to other: Decimal128) -> Bool {
        guard let left = components, let right = other.components else { return false }
        let (a, b) = (Decimal128.stripped(left), Decimal128.stripped(right))
        return a == b && (isNegative == other.isNegative || a.0 == 0)
    }

    private static func stripped(_ number: (coefficient: UInt128, exponent: Int)) -> (UInt128, Int) {
        guard number.coefficient != 0 else { return (0, 0) }
        var (coefficient, exponent) = number
        while coefficient % 10 == 0 {
            coefficient /= 10
            exponent += 1
        }
        return (coefficient, exponent)
    }
}

/// A number taken apart, with fast ways to the common results.
private struct JSONNumber {
    private(set) var isInteger = true
    private var isNegative = false
    /// The digits without the point, if there are at most 19 (`isExact`).
    private var digits: UInt64 = 0
    private var isExact = true
    private var decimals = 0
    private var hasExponent = false
    /// `double` is the last word: nil means that there is no such double.
    private(set) var isDecided = false
    private(set) var double: Double?

    init(_ text: UnsafeRawBufferPointer) throws(ValueError) {
        isNegative = text.first == 0x2D
        var offset = isNegative ? 1 : 0
        let start = offset
        while offset < text.count {
            let byte = text[offset]
            if let digit = decimalDigit(byte) {
                isExact = isExact && digits < 1_000_000_000_000_000_000
                digits = digits &* 10 &+ UInt64(digit)
                if !isInteger { decimals &+= 1 }
            } else if byte == 0x2E, isInteger, offset > start {
                isInteger = false
            } else {
                break
            }
            offset &+= 1
        }
        guard offset > start, text[offset - 1] != 0x2E else { throw .malformed(.json) }
        if offset < text.count {
            try JSONNumber.checkExponent(text, from: offset)
            hasExponent = true
            isInteger = false
        }
        if !isInteger, isExact, !hasExponent { findDouble() }
    }

    private static func checkExponent(_ text: UnsafeRawBufferPointer, from start: Int) throws(ValueError) {
        var offset = start + 1
        if offset < text.count, text[offset] == 0x2D || text[offset] == 0x2B { offset += 1 }
        guard text[start] | 0x20 == 0x65, offset < text.count else { throw .malformed(.json) }
        for byte in text[offset...] where decimalDigit(byte) == nil { throw .malformed(.json) }
    }

    /// Of an integer.
    var int64: Int64? {
        guard isExact else { return nil }
        if !isNegative { return Int64(exactly: digits) }
        return digits <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- digits) : nil
    }

    private mutating func findDouble() {
        var digits = digits
        var decimals = decimals
        while decimals > 0, digits % 10 == 0 {
            digits /= 10
            decimals -= 1
        }
        switch ShortestDouble(digits: digits, decimals: decimals) {
        case .exactly(let value):
            double = isNegative ? -value : value
            isDecided = true
        case .none: isDecided = true
        case .undecided: break
        }
    }
}
