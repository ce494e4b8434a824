import BSON
import Mapping
import Model
import TestSupport
import Testing

/// Whatever the bytes are: a value, valid BSON, or a failure without a trap.
@Suite struct MalformedInputTests {
    static let oids: [UInt32] = [
        16, 17, 18, 19, 20, 21, 23, 25, 26, 28, 29, 114, 650, 700, 701, 774, 829, 869, 1042, 1043, 1082, 1083, 1114,
        1184,
        1186, 1266, 1560, 1562, 1700, 2950, 3220, 3802, 5069, 600,
    ]

    /// Something close to right, to be damaged: numbers, dates, JSON, arrays, in both forms.
    static let seeds: [[UInt8]] = [
        Array("-12.50".utf8), Array("2024-01-02 03:04:05.678+00".utf8), Array("{1,NULL,\"a\\\"b\"}".utf8),
        Array("[0:1]={{1,2},{3,4}}".utf8), Array(#"{"a":[1,2.5e3,"\u00e9\ud83d\ude00"],"b":null,"a":true}"#.utf8),
        Array("P1Y2M3DT4H5M6.7S".utf8), Array("\\x00ff".utf8), Array("12345678-1234-1234-1234-123456789012".utf8),
        [1] + Array(#"{"x": 0.5882352941176471}"#.utf8), [0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 19, 136],
        [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 255, 255, 255, 255],
        [2, 32, 0, 4, 127, 0, 0, 1], [0, 0, 0, 12, 0xAB, 0xC0], [127, 255, 255, 255, 255, 255, 255, 255],
    ]

    @Test(arguments: oids) func neverTraps(oid: UInt32) throws {
        var random = SeededGenerator(seed: UInt64(oid))
        let codecs = [try SingleValue(oid), try SingleValue(oid, arrayOf: true)]
        var refused = 0
        for round in 0..<1500 {
            let bytes = Self.bytes(round, &random)
            for codec in codecs {
                for kind in [Field.Kind.text, .binary] {
                    do { _ = try codec.encode(kind, bytes) } catch is Failure { refused += 1 }
                }
            }
        }
        #expect(refused > 0)
    }

    private static func bytes(_ round: Int, _ random: inout SeededGenerator) -> [UInt8] {
        if round % 3 == 0 {
            return (0..<Int.random(in: 0...24, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...255, using: &random) : [0, 1, 255, 127, 128][round % 5]
            }
        }
        var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
        if round % 2 == 0 { bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))) }
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...2, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.insert(Array("0{}[]\",\\-.:eE+9".utf8).randomElement(using: &random) ?? 0, at: index)
            default: bytes.remove(at: index)
            }
        }
        return bytes
    }

    @Test(
        arguments: [
            (16, "x"), (17, "\\x0"), (17, "\\xzz"), (17, "\\9"), (20, "9223372036854775808"), (21, "32768"), (23, ""),
            (23, "-"), (23, "+1"), (26, "-1"), (701, "0x10"), (701, "nan(1)"), (701, ""), (1700, "1e5"), (1700, "."),
            (1082, "2024-13-01"), (1082, "20240101"), (1082, "12345678-01-01"), (1114, "2024-01-01"),
            (1114, "2024-01-01 00:00:00 BCE"), (1114, "999999-01-01 00:00:00"), (1114, "01/02/2024 00:00:00"),
            (1186, "1 day"), (2950, "12345678123412341234123456789012"), (3802, ""), (3802, "{"), (3802, "[1,]"),
            (3802, "{\"a\":1,}"), (3802, "tru"), (3802, "1 2"), (3802, "\"\\x\""), (3802, "-"), (3802, "1."),
            (3802, "1e"),
        ] as [(UInt32, String)])
    func textThatNoOutputFunctionWritesIsRefused(oid: UInt32, text: String) throws {
        let failure = #expect(throws: Failure.self) { try SingleValue(oid).text(text) }
        #expect(failure?.kind == .unexpected)
        #expect(failure?.message.contains("column x") == true)
    }

    @Test func arraysThatLieAboutTheirSizeAreRefused() throws {
        let codec = try SingleValue(23, arrayOf: true)
        let head: [UInt8] = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 23]
        for (first, second): ([UInt8], [UInt8]) in [
            ([0x7F, 255, 255, 255], [0, 0, 0, 0]), ([0x7F, 255, 255, 255], [0x7F, 255, 255, 255]),
            ([255, 255, 255, 255], [0, 0, 0, 1]), ([0, 0, 0, 9], [0, 0, 0, 9]),
        ] {
            #expect(throws: Failure.self) {
                try codec.encode(.binary, head + first + [0, 0, 0, 1] + second + [0, 0, 0, 1])
            }
        }
        for text in ["", "{", "}", "{,}", "{1", "{1,}", "{1}x", "{{{{{{{1}}}}}}}", "{\"1}", "{1\\", "[0:1]", "{\"\\"] {
            #expect(throws: Failure.self) { try codec.text(text) }
        }
    }
}
