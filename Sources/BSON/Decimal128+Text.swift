extension Decimal128 {
    /// Reads `-12.50`, `1E+3`, `NaN`, `Infinity` (any case, `Inf` too). The exponent is kept as written; nil when the
    /// text is no number or does not fit exactly.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let value = bytes.withUnsafeBytes { Decimal128(text: $0) }
        guard let value else { return nil }
        self = value
    }

    /// The same from UTF-8 bytes.
    package init?(text: UnsafeRawBufferPointer) {
        var scanner = DecimalScanner(text)
        let isNegative = scanner.sign()
        if let special = Decimal128(special: text[scanner.offset...], isNegative: isNegative) {
            self = special
            return
        }
        guard scanner.digits(), let exponent = scanner.exponent() else { return nil }
        self.init(isNegative: isNegative, coefficient: scanner.coefficient, exponent: exponent)
    }

    private init?(special: Slice<UnsafeRawBufferPointer>, isNegative: Bool) {
        let lower = special.prefix(9).map { $0 | 0x20 }
        guard special.count == lower.count else { return nil }
        switch lower {
        case Array("nan".utf8): self = .nan
        case Array("inf".utf8), Array("infinity".utf8): self = isNegative ? .negativeInfinity : .infinity
        default: return nil
        }
    }
}

/// Takes a decimal number apart; the coefficient never holds more than 38 digits.
private struct DecimalScanner {
    let text: UnsafeRawBufferPointer
    var offset = 0
    var coefficient: UInt128 = 0
    /// Exponent of the coefficient, from the digits alone.
    private var scale = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    mutating func sign() -> Bool {
        guard let first = text.first, first == 0x2D || first == 0x2B else { return false }
        offset = 1
        return first == 0x2D
    }

    /// Digits with at most one point. False when there is none, or when more than 34 are significant.
    mutating func digits() -> Bool {
        var seen = 0
        var isFraction = false
        // Zeros behind the 34th digit are held back: they may be written into the exponent.
        var pendingZeros = 0
        while offset < text.count {
            let byte = text[offset]
            if byte == 0x2E, !isFraction {
                isFraction = true
            } else if (0x30...0x39).contains(byte) {
                seen += 1
                if isFraction { scale -= 1 }
                guard take(byte - 0x30, &pendingZeros) else { return false }
            } else {
                break
            }
            offset += 1
        }
        scale += pendingZeros
        return seen > 0
    }

    private mutating func take(_ digit: UInt8, _ pendingZeros: inout Int) -> Bool {
        if pendingZeros == 0, coefficient <= (Decimal128.maximumCoefficient - 9) / 10 {
            coefficient = coefficient * 10 + UInt128(digit)
            return true
        }
        guard digit == 0 else { return false }
        pendingZeros += 1
        return true
    }

    /// The exponent of the whole number; nil when what follows the digits is no exponent.
    mutating func exponent() -> Int? {
        guard offset < text.count else { return scale }
        guard text[offset] | 0x20 == 0x65 else { return nil }
        offset += 1
        var isNegative = false
        if offset < text.count, text[offset] == 0x2D || text[offset] == 0x2B {
            isNegative = text[offset] == 0x2D
            offset += 1
        }
        guard offset < text.count else { return nil }
        var value = 0
        while offset < text.count {
            guard (0x30...0x39).contains(text[offset]) else { return nil }
            // Far beyond any exponent that fits; more digits change nothing.
            value = min(value * 10 + Int(text[offset] - 0x30), 1_000_000_000)
            offset += 1
        }
        return scale + (isNegative ? -value : value)
    }
}

extension Decimal128: CustomStringConvertible {
    /// As the BSON specification writes it (specifications/bson-decimal128, "to-string"): plain while the exponent is
    /// not positive and there are at most six zeros behind the point, else scientific.
    package var description: String {
        let sign = isNegative ? "-" : ""
        guard let (coefficient, exponent) = components else { return isNaN ? "NaN" : sign + "Infinity" }
        let digits = String(coefficient)
        let adjusted = exponent + digits.count - 1
        if exponent > 0 || adjusted < -6 {
            let fraction = digits.dropFirst()
            let point = fraction.isEmpty ? "" : "."
            return "\(sign)\(digits.prefix(1))\(point)\(fraction)E\(adjusted < 0 ? "-" : "+")\(abs(adjusted))"
        }
        if exponent == 0 { return sign + digits }
        let whole = digits.count + exponent
        if whole > 0 { return "\(sign)\(digits.prefix(whole)).\(digits.dropFirst(whole))" }
        return sign + "0." + String(repeating: "0", count: -whole) + digits
    }
}
