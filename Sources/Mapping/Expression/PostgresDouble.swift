import BSON
import Foundation

/// Arithmetic of real and double precision as PostgreSQL does it (PostgreSQL source, float.h): what overflows or vanishes
/// is an error, and NaN is equal to itself and greater than anything else.
enum PostgresDouble {
    /// What `float8out` writes.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(ValueError) -> Double { try double(text: bytes) }

    /// What `float8in` reads of decimal numbers, blanks around them. Throws `.evaluation(.text)` for other texts and
    /// `.evaluation(.outOfRange)` for numbers that are too large, or so small that they would be zero.
    static func read(_ bytes: [UInt8]) throws(ValueError) -> Double {
        // A numeric ends where a double has ended long before, but it knows no negative zero.
        let value = try PostgresDouble.value(PostgresNumeric(text: bytes))
        return value == 0 && trimmingSpace(bytes[...]).first == 0x2D ? -0.0 : value
    }

    static func value(_ number: PostgresNumeric) throws(ValueError) -> Double {
        switch number {
        case .nan: return .nan
        case .infinity: return .infinity
        case .negativeInfinity: return -.infinity
        case .finite(let value):
            let text = String(decoding: value.text, as: UTF8.self)
            guard let double = Double(text), double.isFinite, double != 0 || value.signum == 0 else {
                throw .evaluation(.outOfRange)
            }
            return double
        }
    }

    /// The double that a real of the same number is.
    static func real(_ number: PostgresNumeric) throws(ValueError) -> Double {
        guard case .finite(let value) = number else { return try PostgresDouble.value(number) }
        guard let real = Float(String(decoding: value.text, as: UTF8.self)), real.isFinite,
            real != 0 || value.signum == 0
        else { throw .evaluation(.outOfRange) }
        return Double(real)
    }

    /// With 15 significant digits (6 of a real), as the casts to numeric do.
    static func numeric(_ value: Double, digits: Int) throws(ValueError) -> PostgresNumeric {
        if value.isNaN { return .nan }
        if value.isInfinite { return value < 0 ? .negativeInfinity : .infinity }
        return try PostgresNumeric(text: Array(String(format: "%.\(digits)g", value).utf8))
    }

    /// The nearest whole number, halves to the even one.
    static func integer(_ value: Double, in range: ClosedRange<Int64>) throws(ValueError) -> Int64 {
        guard let integer = Int64(exactly: value.rounded(.toNearestOrEven)), range.contains(integer) else {
            throw .evaluation(.outOfRange)
        }
        return integer
    }

    /// Of `+ - * /`; of two reals it is rounded to a real.
    static func compute(_ symbol: String, _ left: Double, _ right: Double, isReal: Bool) throws(ValueError) -> Double {
        var result: Double
        switch symbol {
        case "+": result = left + right
        case "-": result = left - right
        case "*": result = left * right
        default:
            if right == 0, !left.isNaN { throw .evaluation(.divisionByZero) }
            result = left / right
        }
        if isReal { result = Double(Float(result)) }
        let isDivision = symbol == "/"
        if result.isInfinite, left.isFinite, isDivision || right.isFinite { throw .evaluation(.outOfRange) }
        if result == 0, left != 0, symbol == "*" && right != 0 || isDivision && right.isFinite {
            throw .evaluation(.outOfRange)
        }
        return result
    }

    static func compare(_ left: Double, _ right: Double) -> Int {
        if left.isNaN || right.isNaN { return (left.isNaN ? 1 : 0) - (right.isNaN ? 1 : 0) }
        return left < right ? -1 : left > right ? 1 : 0
    }

    /// What `float8out` writes.
    static func text(_ value: Double) -> [UInt8] {
        var writer = BSONWriter()
        let document = writer.beginDocument()
        writer.key(.id)
        let start = writer.beginString()
        // Behind the length of the string.
        let first = writer.count
        writer.appendFloat8Text(value)
        let last = writer.count
        writer.endString(start)
        writer.endDocument(document)
        return writer.withUnsafeBytes(in: first..<last) { Array($0) }
    }
}
