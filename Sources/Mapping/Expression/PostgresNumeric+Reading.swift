// numeric from the wire and from text.

extension PostgresNumeric {
    /// What `numeric_out` or `numeric_in` of PostgreSQL 15 knows: digits with a point and an exponent, NaN, Infinity, blanks
    /// around them. Throws `.evaluation(.text)` for anything else, `.evaluation(.outOfRange)` for too many digits.
    init(text: some Collection<UInt8>) throws(ValueError) {
        let whole = trimmingSpace(Array(text)[...])
        let isNegative = whole.first == 0x2D
        let isSigned = isNegative || whole.first == 0x2B
        let bytes = whole.dropFirst(isSigned ? 1 : 0)
        switch String(decoding: bytes.prefix(9), as: UTF8.self).lowercased() {
        case "nan" where !isSigned: self = .nan
        case "inf", "infinity": self = isNegative ? .negativeInfinity : .infinity
        default: self = .finite(try FixedPoint(digits: bytes, isNegative: isNegative))
        }
    }

    /// `numeric_send`: four 16-bit numbers (digits, weight, sign, scale), then the digits to base 10,000.
    init(binary bytes: UnsafeRawBufferPointer) throws(ValueError) {
        var wire = Wire(bytes)
        let count = Int(try wire.read(UInt16.self))
        let weight = Int(try wire.read(Int16.self))
        let sign = try wire.read(UInt16.self)
        let scale = Int(try wire.read(UInt16.self))
        var digits: [UInt8] = []
        for _ in 0..<count {
            let group = try wire.read(UInt16.self)
            guard group < 10_000 else { throw .malformed(.digits) }
            for power: UInt16 in [1000, 100, 10, 1] { digits.append(UInt8(0x30 + group / power % 10)) }
        }
        try wire.end()
        switch sign {
        case 0, 0x4000:
            // The last of the digits stands for 10^(4 * (weight - count + 1)).
            let value = FixedPoint(
                isNegative: sign != 0, magnitude: Magnitude(digits: digits), scale: 4 * (count - 1 - weight))
            self = .finite(value.rounded(to: scale, .down))
        case 0xC000: self = .nan
        case 0xD000: self = .infinity
        case 0xF000: self = .negativeInfinity
        default: throw .malformed(.digits)
        }
    }
}

extension FixedPoint {
    /// Digits with a point and an exponent, and nothing else.
    fileprivate init(digits bytes: ArraySlice<UInt8>, isNegative: Bool) throws(ValueError) {
        var digits: [UInt8] = []
        var scale = 0
        var isFraction = false
        var rest = bytes
        while let byte = rest.first, decimalDigit(byte) != nil || byte == 0x2E && !isFraction {
            if byte == 0x2E {
                isFraction = true
            } else {
                digits.append(byte)
                scale += isFraction ? 1 : 0
            }
            rest.removeFirst()
        }
        guard !digits.isEmpty else { throw .evaluation(.text) }
        if let mark = rest.first {
            guard mark | 0x20 == 0x65 else { throw .evaluation(.text) }
            scale -= try FixedPoint.exponent(rest.dropFirst())
        }
        // Far beyond what a numeric holds, and not to be written out.
        guard -scale <= FixedPoint.maximumDigits, scale <= FixedPoint.maximumScale else {
            throw .evaluation(.outOfRange)
        }
        let value = FixedPoint(isNegative: isNegative, magnitude: Magnitude(digits: digits), scale: scale)
        self = try (scale < 0 ? value.rounded(to: 0, .down) : value).checked()
    }

    private static func exponent(_ bytes: ArraySlice<UInt8>) throws(ValueError) -> Int {
        let isSigned = bytes.first == 0x2D || bytes.first == 0x2B
        let digits = bytes.dropFirst(isSigned ? 1 : 0)
        guard !digits.isEmpty, digits.allSatisfy({ decimalDigit($0) != nil }) else { throw .evaluation(.text) }
        let magnitude = Magnitude(digits: digits).uint64.map { Int(min($0, 1_000_000)) } ?? 1_000_000
        return bytes.first == 0x2D ? -magnitude : magnitude
    }
}

/// Without the blanks that `isspace` knows in the C locale, at either end.
func trimmingSpace(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    var rest = bytes.drop(while: isSpace)
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    return rest
}
