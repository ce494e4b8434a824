import BSON

// numeric becomes Decimal128 with its scale kept (12.50 stays 12.50). A number that PostgreSQL writes with more than 34
// digits (leading zeros don't count) or more than 6176 decimals becomes a string: the server's text. NaN and ±Infinity
// are kept.

/// `numeric_send`: four 16-bit numbers (digits, weight, sign, scale), then the digits to base 10,000; the first stands
/// for `digit * 10000^weight` (PostgreSQL source, numeric.c).
func encodeNumeric(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    let number = try NumericDigits(bytes)
    if let special = number.special {
        writer.put(decimal128: special)
    } else if let coefficient = try number.coefficient(),
        let decimal = decimal128(isNegative: number.isNegative, coefficient: coefficient, scale: number.scale)
    {
        writer.put(decimal128: decimal)
    } else {
        let start = writer.beginString()
        number.appendText(to: &writer)
        writer.endString(start)
    }
}

func encodeNumeric(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    switch bytes.first {
    case 0x4E where bytes.isText("NaN"): return writer.put(decimal128: .nan)
    case 0x49 where bytes.isText("Infinity"): return writer.put(decimal128: .infinity)
    case 0x2D where bytes.isText("-Infinity"): return writer.put(decimal128: .negativeInfinity)
    default: break
    }
    let isNegative = bytes.first == 0x2D
    var coefficient: UInt128? = 0
    var scale = 0
    var digits = 0
    var isFraction = false
    for byte in bytes.dropFirst(isNegative ? 1 : 0) {
        if byte == 0x2E, !isFraction {
            isFraction = true
            continue
        }
        guard let digit = decimalDigit(byte) else { throw .malformed(.digits) }
        digits += 1
        if isFraction { scale += 1 }
        if let value = coefficient {
            coefficient = value <= Decimal128.maximumCoefficient / 10 ? value * 10 + UInt128(digit) : nil
        }
    }
    guard digits > 0 else { throw .malformed(.digits) }
    if let coefficient, let decimal = decimal128(isNegative: isNegative, coefficient: coefficient, scale: scale) {
        writer.put(decimal128: decimal)
    } else {
        writer.put(string: bytes)
    }
}

/// nil where the policy is a string.
private func decimal128(isNegative: Bool, coefficient: UInt128, scale: Int) -> Decimal128? {
    guard coefficient <= Decimal128.maximumCoefficient, scale <= -Decimal128.exponents.lowerBound else { return nil }
    return Decimal128(isNegative: isNegative, coefficient: coefficient, exponent: -scale)
}

/// What `numeric_send` sent.
private struct NumericDigits {
    let count: Int
    let weight: Int
    let sign: UInt16
    /// Digits behind the point.
    let scale: Int
    private let digits: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) throws(ValueError) {
        var wire = Wire(bytes)
        count = Int(try wire.read(UInt16.self))
        weight = Int(try wire.read(Int16.self))
        sign = try wire.read()
        scale = Int(try wire.read(UInt16.self))
        digits = try wire.take(count * 2)
        try wire.end()
        for index in 0..<count where digit(index) > 9999 { throw .malformed(.digits) }
        guard isNegative || sign == 0 || special != nil else { throw .malformed(.digits) }
    }

    var isNegative: Bool { sign == 0x4000 }

    var special: Decimal128? {
        switch sign {
        case 0xC000: .nan
        case 0xD000: .infinity
        case 0xF000: .negativeInfinity
        default: nil
        }
    }

    @inline(__always)
    private func digit(_ index: Int) -> UInt16 {
        UInt16(bigEndian: digits.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
    }

    /// The number times `10^scale`; nil when that has more than 38 digits.
    func coefficient() throws(ValueError) -> UInt128? {
        // Zeros to append to the digits as they are (or, if negative, to take away).
        let shift = 4 * (weight - count + 1) + scale
        if count <= 4, (-3...3).contains(shift) {
            var small: UInt64 = 0
            for index in 0..<count { small = small &* 10_000 &+ UInt64(digit(index)) }
            return UInt128(try shifted(small, by: shift))
        }
        var value: UInt128 = 0
        for index in 0..<count {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10_000)
            let (sum, sumOverflow) = product.addingReportingOverflow(UInt128(digit(index)))
            if overflow || sumOverflow { return nil }
            value = sum
        }
        if value == 0 { return 0 }
        if shift < 0 { return try shifted(value, by: shift) }
        for _ in 0..<shift {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            value = product
        }
        return value
    }

    /// For a `shift` that can't overflow, and digits behind the scale that must be zero.
    private func shifted<Number: FixedWidthInteger>(_ value: Number, by shift: Int) throws(ValueError) -> Number {
        var value = value
        var shift = shift
        while shift > 0 {
            value *= 10
            shift -= 1
        }
        while shift < 0, value != 0 {
            let (quotient, remainder) = value.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { throw .malformed(.digits) }
            value = quotient
            shift += 1
        }
        return value
    }

    /// As `numeric_out` writes it.
    func appendText(to writer: inout BSONWriter) {
        if isNegative { writer.appendToString(0x2D) }
        if weight < 0 { writer.appendToString(0x30) }
        for place in stride(from: 0, through: weight, by: 1) {
            writer.appendDecimal(place < count ? UInt64(digit(place)) : 0, width: place == 0 ? 1 : 4)
        }
        guard scale > 0 else { return }
        writer.appendToString(0x2E)
        var remaining = scale
        var place = weight + 1
        while remaining > 0 {
            let group = place >= 0 && place < count ? UInt64(digit(place)) : 0
            let kept = min(remaining, 4)
            writer.appendDecimal(group / [1000, 100, 10, 1][kept - 1], width: kept)
            remaining -= kept
            place += 1
        }
    }
}
