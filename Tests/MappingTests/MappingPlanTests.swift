import BSON
import Mapping
import Model
import TestSupport
import Testing

@Suite struct MappingPlanTests {
    static let int4 = OracleFamily.base(23, "integer")
    static let text = OracleFamily.base(25, "text")
    static let jsonb = OracleFamily.base(3802, "jsonb")
    static let money = OracleFamily.base(790, "money")
    static let timestamptz = OracleFamily.base(1184, "timestamp with time zone")

    static func plan(
        _ columns: [(String, PostgresType)], key: [String], identity: [String]? = nil
    ) throws -> MappingPlan {
        try MappingPlan(
            schema: testTable(columns.map { ($0.0, $0.1) }, identity: identity), collection: "c", keyColumns: key)
    }

    static func document(_ encode: (inout BSONWriter) throws -> Range<Int>) throws -> BSONDocument {
        var writer = BSONWriter()
        _ = writer.append(["before": 1])
        let count = writer.count
        let range = try encode(&writer)
        #expect(range == count..<writer.count)
        return try BSONDocument(validating: writer.bytes(in: range))
    }

    @Test func aSingleKeyIsBareAndNotRepeated() throws {
        let plan = try Self.plan([("a", Self.text), ("id", Self.int4), ("b", Self.text)], key: ["id"])
        let row = textRow(["x", "7", nil])
        #expect(try Self.document { try plan.encodeDocument(row, into: &$0) } == ["_id": 7, "a": "x", "b": nil])
        #expect(try Self.document { try plan.encodeKey(row, into: &$0) } == ["_id": 7])
        #expect(try Self.document { try plan.encodeSentFields(row, into: &$0) } == ["a": "x", "b": nil])
        #expect(!plan.needsSetField)
    }

    @Test func aCompositeKeyIsADocumentInKeyOrder() throws {
        let plan = try Self.plan([("a", Self.int4), ("n", Self.text), ("b", Self.int4)], key: ["b", "a"])
        let row = textRow(["1", "x", "2"])
        #expect(
            try Self.document { try plan.encodeDocument(row, into: &$0) } == ["_id": ["b": 2, "a": 1], "n": "x"])
    }

    @Test func theColumnOfTheGuardIsLookedAt() throws {
        let schema = testTable([("id", Self.timestamptz), ("at", Self.timestamptz), ("note", Self.text)])
        func plan(_ column: String, isDualWritten: Bool = false) throws -> MappingPlan {
            try MappingPlan(
                schema: schema, collection: "c", keyColumns: ["id"],
                lastModified: LastModified(column: column, isDualWritten: isDualWritten))
        }
        let guarded = try plan("at")
        #expect(guarded.backfillGuard == "at" && guarded.streamGuard == nil)
        let dual = try plan("at", isDualWritten: true)
        #expect(dual.backfillGuard == "at" && dual.streamGuard == "at")
        for column in ["id", "note", "gone"] {
            let failure = #expect(throws: Failure.self) { try plan(column) }
            #expect(failure?.kind == .configuration && failure?.message.contains("public.t is \(column), ") == true)
        }
    }

    @Test func unchangedValuesComeFromTheOldRowOrStayAway() throws {
        let plan = try Self.plan([("id", Self.text), ("big", Self.text), ("n", Self.int4)], key: ["id"])
        let new = testRow([(.unchanged, []), (.unchanged, []), (.text, Array("5".utf8))])
        let old = textRow(["k", "huge", "4"])
        #expect(
            try Self.document { try plan.encodeDocument(new, old: old, into: &$0) }
                == ["_id": "k", "big": "huge", "n": 5])
        #expect(try Self.document { try plan.encodeKey(new, fallback: old, into: &$0) } == ["_id": "k"])
        #expect(try Self.document { try plan.encodeSentFields(new, into: &$0) } == ["n": 5])
        var writer = BSONWriter()
        let failure = #expect(throws: Failure.self) { try plan.encodeDocument(new, into: &writer) }
        #expect(failure?.kind == .unexpected)
        #expect(writer.count == 0)
    }

    @Test func timestampsInAKeyAreText() throws {
        let plan = try Self.plan([("at", Self.timestamptz)], key: ["at"])
        #expect(
            try Self.document { try plan.encodeKey(textRow(["2024-01-02 03:04:05.000006+00"]), into: &$0) }
                == ["_id": "2024-01-02T03:04:05.000006Z"])
        #expect(
            try Self.document { try plan.encodeKey(textRow(["0044-03-15 12:00:00+00 BC"]), into: &$0) }
                == ["_id": "-0043-03-15T12:00:00.000000Z"])
        #expect(
            try Self.document { try plan.encodeKey(textRow(["12024-03-15 12:00:00+02:30"]), into: &$0) }
                == ["_id": "+12024-03-15T09:30:00.000000Z"])
        #expect(plan.typeFindings.map(\.code) == ["key_as_text"])
    }

    @Test(
        arguments: [
            ([], nil, "no key"), (["x"], nil, "no column"), (["id", "id"], nil, "twice"),
            (["id"], ["a"], "replica identity"),
            (["j"], nil, "can't be an _id"), (["list"], nil, "can't be an _id"), (["id", "$a"], nil, "dollar"),
        ] as [([String], [String]?, String)])
    func refusesKeys(key: [String], identity: [String]?, message: String) {
        let list = PostgresType(
            oid: 1007, name: "integer[]", shape: .array(element: Self.int4, delimiter: UInt8(ascii: ",")))
        let failure = #expect(throws: Failure.self) {
            try Self.plan(
                [("id", Self.int4), ("a", Self.text), ("j", Self.jsonb), ("list", list), ("$a", Self.int4)], key: key,
                identity: identity)
        }
        #expect(failure?.kind == .configuration)
        #expect(failure?.message.contains(message) == true)
        #expect(failure?.hint?.isEmpty == false)
    }

    @Test func aColumnNamedIDThatIsNotTheKeyIsRefused() throws {
        let failure = #expect(throws: Failure.self) {
            try Self.plan([("id", Self.int4), ("_id", Self.int4)], key: ["id"])
        }
        #expect(failure?.kind == .configuration)
        let plan = try Self.plan([("_id", Self.int4)], key: ["_id"])
        #expect(try Self.document { try plan.encodeDocument(textRow(["1"]), into: &$0) } == ["_id": 1])
    }

    @Test func namesThatLookLikePathsNeedSetField() throws {
        #expect(try Self.plan([("id", Self.int4), ("a.b", Self.int4)], key: ["id"]).needsSetField)
        #expect(try Self.plan([("id", Self.int4), ("$a", Self.int4)], key: ["id"]).needsSetField)
        #expect(try !Self.plan([("i.d", Self.int4), ("a$", Self.int4)], key: ["i.d"]).needsSetField)
    }

    @Test func typesWithoutACodecAreTextAndSaySo() throws {
        let plan = try Self.plan([("id", Self.int4), ("at", Self.money)], key: ["id"])
        #expect(plan.textOnlyColumns == ["at"])
        #expect(plan.typeFindings.map(\.code) == ["type_as_text"])
        #expect(plan.typeFindings.first?.subject == "public.t.at")
        #expect(try Self.document { try plan.encodeSentFields(textRow(["1", "$1.00"]), into: &$0) } == ["at": "$1.00"])
        let binary = testRow([(.binary, [0, 0, 0, 1]), (.binary, [1, 2, 3])])
        var writer = BSONWriter()
        #expect(throws: Failure.self) { try plan.encodeDocument(binary, into: &writer) }
        #expect(!MappingPlan.hasBinaryCodec(Self.money))
        #expect(MappingPlan.hasBinaryCodec(PostgresType(oid: 99, name: "shop.citext", shape: .extended(.citext))))
        #expect(!MappingPlan.hasBinaryCodec(PostgresType(oid: 99, name: "c", shape: .other)))
        let amounts = PostgresType(
            oid: 791, name: "money[]", shape: .array(element: Self.money, delimiter: UInt8(ascii: ",")))
        #expect(!MappingPlan.hasBinaryCodec(amounts))
    }

    @Test func documentsBeyondTheLimitAreRefusedWithoutTheirValues() throws {
        let plan = try Self.plan([("id", Self.int4), ("note", Self.text)], key: ["id"])
        // {_id: int32, note: string}: 4 + 9 + (6 + 5 + n) + 1 bytes.
        let largest = MappingPlan.maximumDocumentSize - 25
        func row(_ count: Int) -> Row {
            testRow([(.binary, [0, 0, 0, 1]), (.binary, [UInt8](repeating: 0x7A, count: count))])
        }
        var writer = BSONWriter()
        #expect(try plan.encodeDocument(row(largest), into: &writer).count == MappingPlan.maximumDocumentSize)
        writer.truncate(to: 0)
        for count in [largest + 1, MappingPlan.maximumDocumentSize + 1] {
            let failure = #expect(throws: Failure.self) { try plan.encodeDocument(row(count), into: &writer) }
            #expect(failure?.kind == .dataRefused)
            #expect(failure?.message.contains("public.t") == true && failure?.message.contains("zz") == false)
            #expect(writer.count == 0)
        }
    }

    @Test func textThatIsNotUTF8IsRefusedByName() throws {
        let plan = try Self.plan([("id", Self.int4), ("note", Self.text)], key: ["id"])
        for bytes: [UInt8] in [
            [0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE0, 0x80, 0x80],
            Array("eight by".utf8) + [0x80],
        ] {
            var writer = BSONWriter()
            let row = testRow([(.binary, [0, 0, 0, 1]), (.text, bytes)])
            let failure = #expect(throws: Failure.self) { try plan.encodeDocument(row, into: &writer) }
            #expect(failure?.kind == .dataRefused)
            #expect(failure?.message == "column note (text) of table public.t holds text that is not UTF-8")
        }
    }

    @Test func aRowOfAnotherShapeIsNotReadBeyondItsEnd() throws {
        let plan = try Self.plan([("id", Self.int4), ("note", Self.text)], key: ["id"])
        var writer = BSONWriter()
        #expect(throws: Failure.self) { try plan.encodeDocument(textRow(["1"]), into: &writer) }
        #expect(throws: Failure.self) { try plan.encodeKey(textRow([nil, "a"]), into: &writer) }
    }
}
