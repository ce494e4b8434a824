import BSON
import Foundation

/// What a column's text form should have become: the types that tests use, written down again, independent of the
/// program's own mapping.
enum ExpectedValue {
    /// - Parameter type: the name as `format_type` gives it, without modifiers; `USER-DEFINED` types are text.
    /// - Throws: `TestFailure` for a type this list doesn't have.
    static func make(_ text: String?, type: String) throws -> BSONValue {
        guard let text else { return .null }
        if type.hasSuffix("[]") {
            return .array(try elements(text).map { try make($0, type: String(type.dropLast(2))) })
        }
        let value: BSONValue? =
            switch type {
            case "smallint", "integer": Int32(text).map { .int32($0) }
            case "bigint": Int64(text).map { .int64($0) }
            case "real", "double precision": Double(text).map { .double($0) }
            case "numeric": Decimal128(text).map { .decimal128($0) }
            case "boolean": .bool(text == "t" || text == "true")
            case "uuid": .binary(subtype: 4, hexadecimal(text.replacing("-", with: "")))
            case "bytea": .binary(subtype: 0, hexadecimal(String(text.dropFirst(2))))
            case "date": milliseconds("\(text) 00:00:00").map { .date($0) }
            case "timestamp with time zone", "timestamp without time zone": milliseconds(text).map { .date($0) }
            case "text", "character varying", "mood": .string(text)
            default: nil
            }
        guard let value else { throw TestFailure("no expectation for a column of type \(type)") }
        return value
    }

    private static func hexadecimal(_ text: String) -> [UInt8] {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }

    /// `2024-02-29 12:34:56.789012+00`, years of four digits, UTC; what lies below a millisecond is cut.
    private static func milliseconds(_ text: String) -> Int64? {
        let numbers = text.split { !$0.isNumber }.map(String.init)
        guard numbers.count >= 6 else { return nil }
        var date = DateComponents()
        date.year = Int(numbers[0])
        date.month = Int(numbers[1])
        date.day = Int(numbers[2])
        date.hour = Int(numbers[3])
        date.minute = Int(numbers[4])
        date.second = Int(numbers[5])
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        guard let whole = calendar.date(from: date) else { return nil }
        let fraction = text.contains(".") ? numbers[6].padding(toLength: 3, withPad: "0", startingAt: 0) : "0"
        return Int64(whole.timeIntervalSince1970) * 1000 + (Int64(fraction) ?? 0)
    }

    /// Elements of a one-dimensional array whose strings hold no quotes, commas or braces.
    private static func elements(_ text: String) -> [String?] {
        let inner = text.dropFirst().dropLast()
        if inner.isEmpty { return [] }
        return inner.split(separator: ",", omittingEmptySubsequences: false).map { element in
            if element == "NULL" { return nil }
            return element.hasPrefix("\"") ? String(element.dropFirst().dropLast()) : String(element)
        }
    }
}
