import BSON

// int2 and int4 become int32, int8 and oid int64; xid, cid, xid8 and pg_lsn their text.

/// Reads a whole decimal number as the integer output functions write it.
func integer<Number: FixedWidthInteger>(
    text bytes: UnsafeRawBufferPointer, _: Number.Type = Number.self
) throws(ValueError) -> Number {
    var offset = 0
    var isNegative = false
    if Number.isSigned, bytes.first == 0x2D {
        isNegative = true
        offset = 1
    }
    guard offset < bytes.count else { throw .malformed(.digits) }
    var value: Number = 0
    while offset < bytes.count {
        guard let digit = decimalDigit(bytes[offset]) else { throw .malformed(.digits) }
        let (product, productOverflow) = value.multipliedReportingOverflow(by: 10)
        let next = Number(truncatingIfNeeded: digit)
        let (sum, sumOverflow) =
            isNegative ? product.subtractingReportingOverflow(next) : product.addingReportingOverflow(next)
        if productOverflow || sumOverflow { throw .malformed(.digits) }
        value = sum
        offset += 1
    }
    return value
}

@inline(__always)
func decimalDigit(_ byte: UInt8) -> UInt8? {
    let digit = byte &- 0x30
    return digit < 10 ? digit : nil
}

func encodeBool(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    let value = try Wire.only(bytes, UInt8.self)
    guard value < 2 else { throw .malformed(.boolean) }
    writer.put(bool: value == 1)
}

func encodeBool(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count == 1, bytes[0] == 0x74 || bytes[0] == 0x66 else { throw .malformed(.boolean) }
    writer.put(bool: bytes[0] == 0x74)
}

func putDecimal(_ value: UInt64, into writer: inout BSONWriter) {
    let start = writer.beginString()
    writer.appendDecimal(value)
    writer.endString(start)
}

/// `pg_lsn_out`: two halves in upper-case hexadecimal without leading zeros.
func putLSN(_ value: UInt64, into writer: inout BSONWriter) {
    writer.put(
        string: String(value >> 32, radix: 16, uppercase: true) + "/"
            + String(value & 0xFFFF_FFFF, radix: 16, uppercase: true))
}

extension BSONWriter {
    /// Decimal digits inside a string, with leading zeros up to `width` (at most 20).
    mutating func appendDecimal(_ value: UInt64, width: Int = 1) {
        var remaining = width
        var threshold: UInt64 = 10
        while remaining > 1, value >= threshold {
            remaining -= 1
            let (next, overflow) = threshold.multipliedReportingOverflow(by: 10)
            if overflow { break }
            threshold = next
        }
        while remaining > 1 {
            appendToString(0x30)
            remaining -= 1
        }
        appendDigits(value)
    }

    private mutating func appendDigits(_ value: UInt64) {
        if value >= 10 { appendDigits(value / 10) }
        appendToString(UInt8(truncatingIfNeeded: 0x30 + value % 10))
    }

    mutating func appendToString(_ text: StaticString) {
        text.withUTF8Buffer { appendToString(UnsafeRawBufferPointer($0)) }
    }

    /// Two upper-case hexadecimal digits.
    mutating func appendUpperHexadecimal(_ byte: UInt8) {
        for digit in [byte >> 4, byte & 15] { appendToString(digit < 10 ? 0x30 + digit : 0x37 + digit) }
    }

    /// Two lower-case hexadecimal digits.
    mutating func appendHexadecimal(_ byte: UInt8) {
        for digit in [byte >> 4, byte & 15] { appendToString(digit < 10 ? 0x30 + digit : 0x57 + digit) }
    }
}
