import BSON

// Numbers of json and jsonb. An integer becomes int32 or int64 if it fits, else Decimal128. Anything with a point or an
// exponent becomes a double if the double's shortest decimal form is that number (so nothing is lost), else Decimal128.
// What neither holds exactly (more than 34 digits) becomes a string, as it is written.

/// The double whose shortest decimal form is the number, by way of the standard library; nil when there is none.
private func slowDouble(_ text: UnsafeRawBufferPointer) -> Double? {
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
struct JSONNumber {
    /// Bytes of it.
    private(set) var length = 0
    private let isNegative: Bool
    /// The digits without the point, unless they are more than fit.
    private var digits: UInt64 = 0
    private var isExact = true
    /// Digits behind the point.
    private var decimals = 0
    private var isInteger = true
    private var hasExponent = false

    /// The number that `text` begins with.
    init(_ text: UnsafeRawBufferPointer) throws(ValueError) {
        isNegative = text.first == 0x2D
        if isNegative { length = 1 }
        try takeDigits(text)
        if length < text.count, text[length] == 0x2E {
            isInteger = false
            length &+= 1
            let point = length
            try takeDigits(text)
            decimals = length &- point
        }
        if length < text.count, text[length] | 0x20 == 0x65 { try takeExponent(text) }
    }

    /// One or more, eight at a time while there are so many.
    @inline(__always)
    private mutating func takeDigits(_ text: UnsafeRawBufferPointer) throws(ValueError) {
        let start = length
        while length &+ 8 <= text.count, let eight = eightDigits(text, at: length) {
            isExact = isExact && digits < 100_000_000_000
            digits = digits &* 100_000_000 &+ eight
            length &+= 8
        }
        while length < text.count, let digit = decimalDigit(text[length]) {
            isExact = isExact && digits < 1_000_000_000_000_000_000
            digits = digits &* 10 &+ UInt64(digit)
            length &+= 1
        }
        if length == start { throw .malformed(.json) }
    }

    private mutating func takeExponent(_ text: UnsafeRawBufferPointer) throws(ValueError) {
        isInteger = false
        hasExponent = true
        length += 1
        if length < text.count, text[length] == 0x2D || text[length] == 0x2B { length += 1 }
        let start = length
        while length < text.count, decimalDigit(text[length]) != nil { length += 1 }
        if length == start { throw .malformed(.json) }
    }

    /// - Parameter text: the number as it stands there.
    @inline(__always)
    func write(_ text: UnsafeRawBufferPointer, into writer: inout BSONWriter) {
        if isInteger, isExact, digits <= Int32.max {
            let value = Int32(truncatingIfNeeded: digits)
            return writer.put(int32: isNegative ? 0 &- value : value)
        }
        writeLong(text, into: &writer)
    }

    private func writeLong(_ text: UnsafeRawBufferPointer, into writer: inout BSONWriter) {
        if isInteger, let value = int64 {
            if let small = Int32(exactly: value) {
                writer.put(int32: small)
            } else {
                writer.put(int64: value)
            }
        } else if !isInteger, let value = double(text) {
            writer.put(double: value)
        } else if let value = Decimal128(text: text) {
            writer.put(decimal128: value)
        } else {
            writer.put(string: text)
        }
    }

    private var int64: Int64? {
        guard isExact else { return nil }
        if !isNegative { return Int64(exactly: digits) }
        return digits <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- digits) : nil
    }

    /// The double whose shortest decimal form is the number; nil when there is none.
    private func double(_ text: UnsafeRawBufferPointer) -> Double? {
        guard isExact, !hasExponent else { return slowDouble(text) }
        var (digits, decimals) = (digits, decimals)
        while decimals > 0, digits % 10 == 0 {
            digits /= 10
            decimals -= 1
        }
        switch ShortestDouble(digits: digits, decimals: decimals) {
        case .exactly(let value): return isNegative ? -value : value
        case .none: return nil
        case .undecided: return slowDouble(text)
        }
    }
}

/// The number that the eight bytes at `offset` are; nil unless all are digits.
@inline(__always)
private func eightDigits(_ text: UnsafeRawBufferPointer, at offset: Int) -> UInt64? {
    let word = UInt64(littleEndian: text.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    var value = word ^ 0x3030_3030_3030_3030
    // 0x76 is what takes a ten, and no nine, to the highest bit.
    guard (value &+ 0x7676_7676_7676_7676 | value) & 0x8080_8080_8080_8080 == 0 else { return nil }
    // The first digit is in the lowest byte: two become one in every other byte, then four, then eight.
    value = value &* 10 &+ value >> 8
    let pairs = (value & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
    return (pairs &+ (value >> 16 & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001) >> 32
}
