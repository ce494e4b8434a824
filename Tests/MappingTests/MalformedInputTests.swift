import BSON
import Mapping
import Model
import TestSupport
import Testing

/// Whatever the bytes are: a value, valid BSON, or a failure without a trap.
@Suite struct MalformedInputTests {
    static let oids: [UInt32] = [
        16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29, 30, 114, 142, 600, 601, 602, 603, 604, 628, 650, 700, 701,
        718, 774, 790, 829, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562, 1700, 2950, 2970, 3220,
        3614, 3615, 3802, 4072, 5038, 5069,
    ]

    /// Those that can be an `_id`.
    static let keyOIDs = oids.filter { ![22, 30, 114, 600, 3615, 3802].contains($0) }

    static let structures: [PostgresType] = {
        let int4 = OracleFamily.base(23, "integer")
        let pair = PostgresType.Shape.composite([
            PostgresType.Attribute(name: "a", type: int4),
            PostgresType.Attribute(name: "b", type: OracleFamily.base(25, "text")),
        ])
        let shapes: [PostgresType.Shape] =
            [
                pair, .range(of: int4), .multirange(of: int4),
                .array(element: PostgresType(oid: 1, name: "pair", shape: pair), delimiter: 0x2C),
                .range(of: OracleFamily.base(25, "text")),
            ] + ExtensionType.allCases.map { .extended($0) }
        return shapes.enumerated().map { PostgresType(oid: UInt32($0), name: "\($1)", shape: $1) }
    }()

    /// Something close to right, to be damaged: numbers, dates, JSON, arrays, in both forms.
    static let seeds: [[UInt8]] = [
        Array("-12.50".utf8), Array("2024-01-02 03:04:05.678+00".utf8), Array("{1,NULL,\"a\\\"b\"}".utf8),
        Array("[0:1]={{1,2},{3,4}}".utf8), Array(#"{"a":[1,2.5e3,"\u00e9\ud83d\ude00"],"b":null,"a":true}"#.utf8),
        Array("P1Y2M3DT4H5M6.7S".utf8), Array("\\x00ff".utf8), Array("12345678-1234-1234-1234-123456789012".utf8),
        [1] + Array(#"{"x": 0.5882352941176471}"#.utf8), [0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 19, 136],
        [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 255, 255, 255, 255],
        [2, 32, 0, 4, 127, 0, 0, 1], [0, 0, 0, 12, 0xAB, 0xC0], [127, 255, 255, 255, 255, 255, 255, 255],
        // Composite, range, multirange, hstore, tsvector, tsquery, path, vector.
        Array(#"(1,"a ""b"" \\")"#.utf8), Array(#"[1,"x\"y")"#.utf8), Array("{[1,2],(,5)}".utf8),
        Array(#""a"=>"b\"", "c"=>NULL"#.utf8), Array("((1,2),(3.5,-4e10))".utf8), Array("[1,2.5]".utf8),
        [0, 0, 0, 2, 0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 25, 255, 255, 255, 255],
        [2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9], [0, 0, 0, 1, 0, 0, 0, 9, 8, 0, 0, 0, 4, 0, 0, 0, 9],
        [0, 0, 0, 1, 0, 0, 0, 1, 97, 255, 255, 255, 255], [0, 0, 0, 1, 97, 0, 0, 1, 192, 1],
        [0, 0, 0, 3, 2, 2, 1, 0, 0, 97, 0, 1, 8, 1, 98, 0], [1, 0, 0, 0, 1] + [UInt8](repeating: 64, count: 16),
        [0, 2, 0, 0, 63, 128, 0, 0, 64, 0, 0, 0],
    ]

    @Test(arguments: oids) func neverTraps(oid: UInt32) throws {
        try feed([SingleValue(oid), SingleValue(oid, arrayOf: true)], seed: UInt64(oid))
    }

    @Test(arguments: structures) func structuresNeverTrap(type: PostgresType) throws {
        try feed([SingleValue(type)], seed: UInt64(type.oid))
    }

    private func feed(_ codecs: [SingleValue], seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var refused = 0
        for round in 0..<3000 {
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
