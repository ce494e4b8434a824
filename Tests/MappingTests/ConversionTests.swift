import BSON
import Mapping
import Model
import TestSupport
import Testing

/// Each family by its wire bytes; the oracle has the breadth, these say what is meant.
@Suite struct ConversionTests {
    @Test(
        arguments: [
            (16, [1], "t", true), (21, [0xFF, 0xFE], "-2", .int32(-2)), (23, [0, 0, 1, 0], "256", .int32(256)),
            (20, [0, 0, 0, 0, 0, 0, 0, 5], "5", .int64(5)),
            (26, [255, 255, 255, 255], "4294967295", .int64(4_294_967_295)),
            (700, [0x3D, 0xCC, 0xCC, 0xCD], "0.1", .double(0.10000000149011612)),
            (701, [0x3F, 0xB9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A], "0.1", .double(0.1)),
            (25, [0x68, 0xC3, 0xA9], "hé", "hé"), (1042, [0x61, 0x20], "a ", "a "), (18, [0xC3], "\\303", "\\303"),
            (17, [0, 255], "\\x00ff", .binary(subtype: 0, [0, 255])),
            (17, [0x5C, 1], "\\\\\\001", .binary(subtype: 0, [0x5C, 1])),
            (2950, Array(0...15), "00010203-0405-0607-0809-0a0b0c0d0e0f", .binary(subtype: 4, Array(0...15))),
            (1082, [0, 0, 0, 0], "2000-01-01", .date(946_684_800_000)),
            (1082, [0x7F, 255, 255, 255], "infinity", "infinity"),
            (1082, [0x80, 0, 0, 0], "-infinity", "-infinity"),
            (1082, [255, 255, 255, 255], "1999-12-31", .date(946_598_400_000)),
            (1184, [255, 255, 255, 255, 255, 255, 255, 255], "1999-12-31 23:59:59.999999+00", .date(946_684_799_999)),
            (1114, [0, 0, 0, 0, 0, 0, 7, 0xD0], "2000-01-01 00:00:00.002", .date(946_684_800_002)),
            (1083, [0, 0, 0, 0, 0, 0, 0, 1], "00:00:00.000001", "00:00:00.000001"),
            (1266, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0E, 0x10], "00:00:00-01", "00:00:00-01"),
            (1186, [0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 14], "P1Y2M-1D", "P1Y2M-1D"),
            (869, [2, 32, 0, 4, 127, 0, 0, 1], "127.0.0.1", "127.0.0.1"),
            (650, [2, 8, 1, 4, 10, 0, 0, 0], "10.0.0.0/8", "10.0.0.0/8"),
            (829, [8, 0, 0x2B, 1, 2, 3], "08:00:2b:01:02:03", "08:00:2b:01:02:03"),
            (1562, [0, 0, 0, 3, 0xA0], "101", "101"),
            (3220, [0, 0, 0, 0x16, 0xB3, 0x74, 0xD8, 0x48], "16/B374D848", "16/B374D848"),
            (3802, [1, 0x5B, 0x31, 0x5D], "[1]", [1]), (114, [0x5B, 0x31, 0x5D], "[1]", [1]),
        ] as [(UInt32, [UInt8], String, BSONValue)])
    func bothFormsGiveTheValue(oid: UInt32, binary: [UInt8], text: String, expected: BSONValue) throws {
        let codec = try SingleValue(oid)
        #expect(try codec.encode(.binary, binary) == expected)
        #expect(try codec.text(text) == expected)
    }

    /// Digits, weight, sign, scale; then the digits to base 10,000.
    @Test(
        arguments: [
            ([0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 0x13, 0x88], "12.50"), ([0, 0, 0, 0, 0, 0, 0, 3], "0.000"),
            ([0, 1, 0xFF, 0xFF, 0x40, 0, 0, 4, 0, 1], "-0.0001"), ([0, 1, 0, 2, 0, 0, 0, 0, 0, 7], "700000000"),
            ([0, 0, 0, 0, 0xC0, 0, 0, 0], "NaN"), ([0, 0, 0, 0, 0xD0, 0, 0, 0], "Infinity"),
            ([0, 0, 0, 0, 0xF0, 0, 0, 0], "-Infinity"),
        ] as [([UInt8], String)])
    func numericKeepsItsScale(binary: [UInt8], text: String) throws {
        let expected = BSONValue.decimal128(try #require(Decimal128(text)))
        #expect(try SingleValue(1700).encode(.binary, binary) == expected)
        #expect(try SingleValue(1700).text(text) == expected)
    }

    @Test func numericBeyond34DigitsIsText() throws {
        let digits = String(repeating: "1234", count: 9)
        let binary: [UInt8] = [0, 9, 0, 8, 0, 0, 0, 0] + (0..<9).flatMap { _ in [UInt8(4), 0xD2] }
        #expect(try SingleValue(1700).text(digits) == .string(digits))
        #expect(try SingleValue(1700).encode(.binary, binary) == .string(digits))
        #expect(try SingleValue(1700).text(String(digits.prefix(34)))?.asDecimal128 != nil)
    }

    @Test func everyNaNIsTheSame() throws {
        let codec = try SingleValue(701)
        let quiet = BSONDocument([("x", .double(.nan))])
        for bits: [UInt8] in [[0x7F, 0xF8], [0xFF, 0xF8], [0x7F, 0xF0]] {
            let value = try #require(try codec.encode(.binary, bits + [0, 0, 0, 0, 0, 1]))
            #expect(BSONDocument([("x", value)]).bytes == quiet.bytes)
        }
    }

    @Test func theExtremesOfTimestampsFit() throws {
        let codec = try SingleValue(1114)
        #expect(try codec.text("294276-12-31 23:59:59.999999") == .date(9_224_318_015_999_999))
        #expect(try codec.text("4714-11-24 00:00:00 BC") == .date(-210_866_803_200_000))
        #expect(try codec.text("infinity") == "infinity")
        #expect(try codec.encode(.binary, [0x80] + [UInt8](repeating: 0, count: 7)) == "-infinity")
    }

    @Test func arraysKeepTheirDimensionsAndNulls() throws {
        let codec = try SingleValue(23, arrayOf: true)
        #expect(try codec.text("{{1,NULL},{3,4}}") == [[1, nil], [3, 4]])
        #expect(try codec.text("[5:6]={1,2}") == [1, 2])
        #expect(try codec.text("{}") == [])
        #expect(try codec.encode(.binary, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23]) == [])
        #expect(
            try SingleValue(25, arrayOf: true).text(#"{"NULL",NULL,"a\"\\b",c\,d,""}"#) == [
                "NULL", nil, "a\"\\b", "c,d", "",
            ])
    }

    /// A type may be altered, and the log still has values of before.
    @Test func compositesOfAnOlderForm() throws {
        let type = PostgresType(
            oid: 99_050, name: "pair",
            shape: .composite([
                PostgresType.Attribute(name: "a", type: OracleFamily.base(23, "integer")),
                PostgresType.Attribute(name: "b", type: OracleFamily.base(25, "text")),
            ]))
        let codec = try SingleValue(type)
        func integer(_ value: UInt8) -> [UInt8] { [0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, value] }
        let older: BSONValue = ["a": 7, "b": nil]
        #expect(try codec.encode(.binary, [0, 0, 0, 1] + integer(7)) == older)
        #expect(try codec.text("(7)") == older)
        #expect(try codec.text("()") == ["a": nil, "b": nil])
        let null: [UInt8] = [0, 0, 0, 25, 255, 255, 255, 255]
        for bytes in [[0, 0, 0, 3] + integer(7) + null + null, [0, 0, 0, 2] + integer(7) + integer(8)] {
            let failure = #expect(throws: Failure.self) { try codec.encode(.binary, bytes) }
            #expect(failure?.kind == .typeChanged)
        }
        let failure = #expect(throws: Failure.self) { try codec.text("(7,x,y)") }
        #expect(failure?.kind == .typeChanged && failure?.message.contains("column x (pair)") == true)
    }
}
