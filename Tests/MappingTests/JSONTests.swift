import BSON
import Mapping
import Model
import TestSupport
import Testing

@Suite struct JSONTests {
    @Test(
        arguments: [
            ("2147483647", .int32(.max)), ("2147483648", .int64(2_147_483_648)), ("-2147483648", .int32(.min)),
            ("-9223372036854775808", .int64(.min)), ("9223372036854775807", .int64(.max)), ("-0", .int32(0)),
            ("9223372036854775808", .decimal128(Decimal128("9223372036854775808")!)),
            ("18446744073709551616", .decimal128(Decimal128("18446744073709551616")!)), ("1.0", .double(1)),
            ("12.50", .double(12.5)), ("1e3", .double(1000)), ("1E-3", .double(0.001)), ("-0.0", .double(-0.0)),
            ("0.30000000000000004", .double(0.30000000000000004)), ("105.88235294117648", .double(105.88235294117648)),
            ("0.1000000000000000055511151231257827", .decimal128(Decimal128("0.1000000000000000055511151231257827")!)),
            ("0.10000000000000001", .decimal128(Decimal128("0.10000000000000001")!)),
            ("1e400", .decimal128(Decimal128("1e400")!)), ("1e-400", .decimal128(Decimal128("1e-400")!)),
            ("12345678901234567890123456789012345", "12345678901234567890123456789012345"),
            ("0.12345678901234567890123456789012345", "0.12345678901234567890123456789012345"),
        ] as [(String, BSONValue)])
    func numbersLoseNothing(text: String, expected: BSONValue) throws {
        #expect(try SingleValue(114).text(text) == expected)
        #expect(try SingleValue(3802).encode(.binary, [1] + Array(text.utf8)) == expected)
        #expect(try SingleValue(114).text("[\(text)]") == .array([expected]))
    }

    /// Numbers are read eight digits at a time, up to the very end of the text.
    @Test(arguments: 1...26) func numbersOfEveryLength(_ digits: Int) throws {
        let text = String("12345678901234567890123456".prefix(digits))
        let decimal = try #require(Decimal128(text))
        let expected: BSONValue =
            Int32(text).map { .int32($0) } ?? Int64(text).map { .int64($0) } ?? .decimal128(decimal)
        for front in 0..<9 {
            let value = try SingleValue(114).text("[\(String(repeating: " ", count: front))\(text)]")
            #expect(value == .array([expected]))
        }
        #expect(try SingleValue(114).text(text) == expected)
        #expect(
            try SingleValue(114).text("0.\(text.prefix(14))") == .double(try #require(Double("0.\(text.prefix(14))"))))
    }

    /// Strings are copied eight bytes at a time, and with room for 64 KB: ends, escapes and cuts at every such place.
    @Test(arguments: [0, 1, 8, 16, 65_528, 65_536, 131_072])
    func stringsThatEndWhereTheyAreDivided(_ length: Int) throws {
        let codec = try SingleValue(114)
        for count in max(0, length - 9)...(length + 9) {
            let plain = String(repeating: "x", count: count)
            #expect(try codec.text("\"\(plain)\"") == .string(plain))
            #expect(try codec.text("\"\(plain)\\n\"") == .string(plain + "\n"))
            #expect(try codec.text("\"\(plain)\\n\(plain)\"") == .string(plain + "\n" + plain))
            #expect(try codec.text("{\"\(plain)\":\"\(plain)\"}") == .document(BSONDocument([(plain, .string(plain))])))
            for cut in ["\"\(plain)", "\"\(plain)\\", "\"\(plain)\\u00"] {
                #expect(throws: (any Error).self) { try codec.text(cut) }
            }
        }
    }

    /// The integer arithmetic has to agree with reading and printing by the standard library.
    @Test func fractionsBecomeDoublesExactlyWhenThatIsTheirShortestForm() throws {
        let codec = try SingleValue(114)
        var random = SeededGenerator(seed: 42)
        var counts = (double: 0, decimal: 0)
        for round in 0..<20_000 {
            let text = Self.fraction(round, &random)
            let shortest = try #require(Double(text)).description
            let isShortest = Decimal128(shortest).map(Self.stripped) == Decimal128(text).map(Self.stripped)
            let value = try codec.text(text)
            if isShortest {
                #expect(value == .double(try #require(Double(text))), "\(text)")
                counts.double += 1
            } else {
                #expect(value == .decimal128(try #require(Decimal128(text))), "\(text)")
                counts.decimal += 1
            }
        }
        #expect(counts.double > 1000 && counts.decimal > 1000)
    }

    private static func fraction(_ round: Int, _ random: inout SeededGenerator) -> String {
        // Printed doubles of moderate size, every other one with its last digit changed.
        if round % 2 == 0 {
            let exponent = Int.random(in: -40...52, using: &random)
            let value =
                Double.random(in: 1..<2, using: &random) * Double(sign: .plus, exponent: exponent, significand: 1)
            let text = value.description
            guard round % 4 == 0, !text.contains("e"), let last = text.last?.wholeNumberValue else { return text }
            return text.dropLast() + String((last + 1) % 10)
        }
        let digits = Int.random(in: 14...18, using: &random)
        let whole = Int.random(in: 1..<digits, using: &random)
        let text = (0..<digits).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
        return "1" + text.prefix(whole) + "." + text.dropFirst(whole)
    }

    private static func stripped(_ value: Decimal128) -> [String] {
        guard var (coefficient, exponent) = value.components, coefficient != 0 else { return [] }
        while coefficient % 10 == 0 {
            coefficient /= 10
            exponent += 1
        }
        return ["\(value.isNegative)", "\(coefficient)", "\(exponent)"]
    }

    @Test func theLastOfRepeatedKeysWins() throws {
        let codec = try SingleValue(114)
        #expect(try codec.text(#"{"a":1,"b":{"c":1,"c":[2]},"a":"x"}"#) == ["b": ["c": [2]], "a": "x"])
        #expect(try codec.text(#"{"a":1,"\u0061":2}"#) == ["a": 2])
        let many = (0..<40).map { "\"k\($0 % 20)\":\($0)" }.joined(separator: ",")
        #expect(
            try codec.text("{\(many)}") == .document(BSONDocument((20..<40).map { ("k\($0 - 20)", .int32($0)) })))
    }

    @Test func stringsAreUnescaped() throws {
        let codec = try SingleValue(114)
        #expect(
            try codec.text(#"" \"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 and more than eight""#)
                == "\u{20}\"\\/\u{8}\u{C}\n\r\té😀 and more than eight")
        #expect(try codec.text(#""a\u0000b""#) == "a\0b")
        #expect(try codec.text(#"{"k\n\u00fc":1,"":2}"#) == ["k\nü": 1, "": 2])
    }

    @Test(arguments: [
        (#"{"a\u0000":1}"#, "NUL"), (#""\ud800""#, "surrogate"), (#""\ud800\u0041""#, "surrogate"),
        (#""\udc00""#, "surrogate"),
        (String(repeating: "[", count: 101) + String(repeating: "]", count: 101), "100 levels"),
    ])
    func whatMongoDBCanNotHoldIsRefused(text: String, message: String) throws {
        let failure = #expect(throws: Failure.self) { try SingleValue(114).text(text) }
        #expect(failure?.kind == .dataRefused)
        #expect(failure?.message.contains(message) == true)
    }

    @Test func nestingUpToTheLimitIsFine() throws {
        let text = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(try SingleValue(114).text(text)?.asArray?.count == 1)
    }

    @Test func growthIsCutOffAtTheLimit() throws {
        let text = "[" + String(repeating: "1,", count: 2_000_000) + "1]"
        let failure = #expect(throws: Failure.self) { try SingleValue(114).text(text) }
        #expect(failure?.kind == .dataRefused)
    }
}
