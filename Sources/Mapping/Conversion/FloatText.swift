import BSON
import Foundation

extension BSONWriter {
    /// As `float8out` writes it with `extra_float_digits` of 1 or more: the fewest digits that read back as the same
    /// number, with an exponent below -4 and from 15 on (PostgreSQL source, `d2s.c`).
    mutating func appendFloat8Text(_ value: Double) {
        if value.isNaN { return appendToString("NaN") }
        if value.sign == .minus { appendToString("-") }
        if value.isInfinite { return appendToString("Infinity") }
        if value == 0 { return appendToString("0") }
        let shortest = ShortestDigits(value.magnitude)
        let (digits, exponent) = (shortest.digits, shortest.exponent)
        if exponent < -4 || exponent >= 15 {
            appendToString(digits[0])
            if digits.count > 1 { appendToString(".") }
            for digit in digits.dropFirst() { appendToString(digit) }
            appendToString(exponent < 0 ? "e-" : "e+")
            return appendDecimal(UInt64(abs(exponent)), width: 2)
        }
        if exponent < 0 { appendToString("0.") }
        for _ in 0..<max(0, -exponent - 1) { appendToString("0") }
        for (index, digit) in digits.enumerated() {
            if index > 0, index == exponent + 1 { appendToString(".") }
            appendToString(digit)
        }
        for _ in 0..<max(0, exponent + 1 - digits.count) { appendToString("0") }
    }
}

/// The fewest digits of which no other number is as near as this one. (Swift's own description takes digits that lie
/// just between two numbers too, because a reader rounds them to the even one; PostgreSQL doesn't.)
private struct ShortestDigits {
    /// ASCII, without zeros at either end.
    private(set) var digits: [UInt8] = []
    /// The power of ten of the first digit.
    private(set) var exponent = 0

    /// - Parameter value: positive and finite.
    init(_ value: Double) {
        self.init(text: value.description)
        var count = digits.count
        while liesBetween(value, value.nextUp) || liesBetween(value.nextDown, value), count < 17 {
            count += 1
            let longer = String(format: "%.\(count - 1)e", value)
            if Double(longer) == value { self.init(text: longer) }
        }
    }

    private init(text: String) {
        var text = Substring(text)
        var point: Int?
        if let mark = text.firstIndex(of: "e") {
            exponent = Int(text[text.index(after: mark)...]) ?? 0
            text = text[..<mark]
        }
        for byte in text.utf8 {
            if byte == 0x2E { point = digits.count } else { digits.append(byte) }
        }
        exponent += (point ?? digits.count) - 1
        let zeros = digits.prefix { $0 == 0x30 }.count
        digits.removeFirst(zeros)
        exponent -= zeros
        while digits.last == 0x30 { digits.removeLast() }
    }

    /// Whether the digits are exactly half-way between two numbers that follow each other.
    private func liesBetween(_ lower: Double, _ upper: Double) -> Bool {
        let zeros = exponent + 1 - digits.count
        // With more zeros it is a multiple of more fives than the half can be.
        guard (0...23).contains(zeros), upper.isFinite else { return false }
        var decimal = digits.reduce(UInt128(0)) { $0 * 10 + UInt128($1 - 0x30) }
        for _ in 0..<zeros { decimal *= 5 }
        // The half is an odd number times a power of two.
        let half = UInt128(lower.significandBitPattern | 1 << 52) * 2 + 1
        let twos = decimal.trailingZeroBitCount
        return decimal >> twos == half && twos + zeros == lower.ulp.exponent - 1
    }
}
