import BSON
import Mapping
import Model
import TestSupport
import Testing

/// From an `_id` back to the key's values. That they are the right ones is what the server says (`OracleTests`).
@Suite struct KeyTextTests {
    static func plan(_ oids: UInt32...) throws -> MappingPlan {
        let columns = oids.enumerated().map { ("k\($0)", OracleFamily.base($1, "type \($1)")) }
        return try MappingPlan(schema: testTable(columns), collection: "c", keyColumns: columns.map(\.0))
    }

    static func decimal(_ text: String) -> BSONValue { Decimal128(text).map { .decimal128($0) } ?? .null }

    /// MongoDB finds a document by any number that is equal, so it is the row's document.
    @Test(
        arguments: [
            (23, 5.0, "5"), (23, .int64(-5), "-5"), (23, decimal("5.00"), "5"), (20, decimal("5E+2"), "500"),
            (20, -0x1p63, "-9223372036854775808"), (26, 7, "7"), (23, -0.0, "0"), (701, 5, "5.0"),
            (701, .int64(1 << 60), "1.152921504606847e+18"), (701, decimal("0.50"), "0.5"),
            (701, decimal("NaN"), "NaN"),
            (700, decimal("-Infinity"), "-Infinity"), (700, 3, "3.0"), (1700, 7, "7"), (1700, 0.375, "0.375"),
            (1700, 1e22, "10000000000000000000000"), (1700, decimal("12.50"), "12.50"), (1700, decimal("1E+3"), "1000"),
            (1700, decimal("0E+9"), "0"), (1700, .double(-.infinity), "-Infinity"), (1700, decimal("-0.00"), "0.00"),
        ] as [(UInt32, BSONValue, String)])
    func equalNumbersAreTheSameKey(oid: UInt32, id: BSONValue, text: String) throws {
        #expect(try Self.plan(oid).keyText(of: id) == [text])
    }

    @Test(
        arguments: [
            (23, "5"), (23, 5.5), (23, decimal("5.5")), (23, .int64(1 << 31)), (21, 32768), (26, -1),
            (23, .double(.nan)),
            (20, 0x1p63), (20, decimal("1E+6000")), (23, nil), (23, true), (16, 1), (25, 1), (25, "a\0b"),
            (701, .int64(1 << 53 + 1)), (701, decimal("0.1")), (701, "NaN"), (700, 0.1), (700, 1e300), (1700, 0.1),
            (1700, 1e40), (1700, decimal("1E+34")), (1700, "12.50"), (1700, "1e40"),
            (1700, "012345678901234567890123456789012345"), (1700, "--12345678901234567890123456789012345"),
            (2950, "12345678-1234-1234-1234-123456789012"), (2950, .binary(subtype: 4, [1])),
            (2950, .binary(subtype: 0, Array(repeating: 1, count: 16))), (17, .binary(subtype: 2, [1])),
            (1082, .date(1)), (1082, .date(.max)), (1082, .date(.min)), (1082, "2024-01-02"), (1184, .date(0)),
            (1184, "2024-01-02T03:04:05.000006"), (1114, "2024-01-02T03:04:05.000006Z"), (1114, "2024-01-02T03:04:05"),
            (1114, "2024-02-30T03:04:05.000006"), (1114, "2024-01-02 03:04:05.000006"), (1114, "é"), (1114, ""),
            (1114, "-9223372036854775808-01-02T03:04:05.000006"), (1114, "+294277-01-01T00:00:00.000000"),
            (1114, "-4713-11-23T23:59:59.999999"), (18, "hello"), (18, "é"), (18, "\\051"), (28, "x"), (28, "+1"),
            (5069, "18446744073709551616"), (3220, "0/g"), (3220, "00/1"), (1560, "x1F"), (1083, "now"),
            (1266, "allballs"), (1186, "1 day"), (869, "10.0.0.0 "), (829, "08002b010203"),
        ] as [(UInt32, BSONValue)])
    func whatNoKeyIsWrittenAsHasNone(oid: UInt32, id: BSONValue) throws {
        #expect(try Self.plan(oid).keyText(of: id) == nil)
    }

    @Test func aCompositeKeyHasItsFieldsInOrder() throws {
        let plan = try Self.plan(23, 25)
        #expect(plan.keyText(of: ["k0": 7, "k1": "x"]) == ["7", "x"])
        let others: [BSONValue] = [
            7, ["k0": 7], ["k1": "x", "k0": 7], ["k0": 7, "k1": "x", "k2": 1], ["k0": 7, "k2": "x"],
            ["k0": 7, "k1": nil], [7, "x"],
        ]
        for other in others { #expect(plan.keyText(of: other) == nil) }
    }

    /// Swift takes them for one name; PostgreSQL and MongoDB don't.
    @Test func namesAreComparedByTheirBytes() throws {
        let columns = ["\u{E9}", "n"].map { ($0, OracleFamily.base(23, "integer")) }
        let plan = try MappingPlan(schema: testTable(columns), collection: "c", keyColumns: columns.map(\.0))
        #expect(plan.keyText(of: ["\u{E9}": 1, "n": 2]) == ["1", "2"])
        #expect(plan.keyText(of: ["e\u{301}": 1, "n": 2]) == nil)
    }

    @Test(arguments: MalformedInputTests.keyOIDs)
    func neverTraps(oid: UInt32) throws {
        var random = SeededGenerator(seed: UInt64(oid))
        let single = try Self.plan(oid)
        let composite = try Self.plan(oid, 25)
        var refused = 0
        for _ in 0..<3000 {
            let id = ForeignKey.value(&random)
            let text = single.keyText(of: id)
            if text == nil { refused += 1 }
            #expect(text?[0].utf8.contains(0) != true)
            let pair = composite.keyText(of: ["k0": id, "k1": "x"])
            #expect(pair == text.map { $0 + ["x"] })
            _ = composite.keyText(of: .document(ForeignKey.document(["k0", "k1"], &random)))
        }
        #expect((1..<3000).contains(refused))
    }
}
