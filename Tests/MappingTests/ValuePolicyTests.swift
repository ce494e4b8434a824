import BSON
import Mapping
import Model
import TestSupport
import Testing

/// What is said of values that BSON has no room for, and what is kept of a row that they refuse.
@Suite struct ValuePolicyTests {
    private typealias Mapped = CollectionMappingTests

    @Test(arguments: [
        (ValuePolicies.Overflow.fail, Mapped.numeric, String(repeating: "1", count: 35)),
        (.deadLetter, Mapped.timestamptz, "infinity"), (.fail, Mapped.date, "-infinity"),
    ])
    func policiesRefuse(overflow: ValuePolicies.Overflow, type: PostgresType, text: String) throws {
        let array = PostgresType(oid: 0, name: "array", shape: .array(element: type, delimiter: UInt8(ascii: ",")))
        for (type, text) in [(type, text), (array, "{\(text)}")] {
            let plan = try Mapped.plan([("id", Mapped.int4), ("n", type)], key: ["id"]) {
                $0.policies.numericOverflow = overflow
                $0.policies.outOfRange = overflow
            }
            var writer = BSONWriter()
            let failure = #expect(throws: Failure.self) {
                try plan.encodeDocument(textRow(["1", text]), into: &writer)
            }
            #expect(failure?.kind == .dataRefused && failure?.message.contains("column n") == true)
            #expect(failure?.policy == overflow.refusal)
        }
    }

    @Test func aColumnHasPoliciesOfItsOwn() throws {
        let columns = [("id", Mapped.int4), ("a", Mapped.timestamptz), ("b", Mapped.timestamptz)]
        let plan = try Mapped.plan(columns, key: ["id"]) {
            $0.policies.timestamp = .iso
            $0.columnPolicies["b"] = ColumnPolicies()
            $0.columnPolicies["b"]?.timestamp = .int64Micros
            $0.columnPolicies["b"]?.outOfRange = .deadLetter
        }
        let at = "2024-01-02 03:04:05.000006+00"
        let document = try MappingPlanTests.document { try plan.encodeDocument(textRow(["1", at, at]), into: &$0) }
        #expect(document["a"] == "2024-01-02T03:04:05.000006Z" && document["b"] == .int64(1_704_164_645_000_006))
        var writer = BSONWriter()
        let failure = #expect(throws: Failure.self) {
            try plan.encodeDocument(textRow(["1", "infinity", "infinity"]), into: &writer)
        }
        #expect(failure?.policy == .deadLetter && failure?.message.contains("column b") == true)
        let unknown = #expect(throws: Failure.self) {
            try Mapped.plan(columns, key: ["id"]) {
                $0.columnPolicies["c"] = ColumnPolicies()
                $0.columnPolicies["c"]?.timestamp = .iso
            }
        }
        #expect(unknown?.message.contains("'timestamp' of collection") == true)
    }

    private func refusal(
        _ columns: [(String, PostgresType)], _ row: [String?], key: [String] = ["id"],
        _ change: (inout CollectionMapping) -> Void
    ) throws -> Failure? {
        let plan = try Mapped.plan(columns, key: key, change: change)
        var writer = BSONWriter()
        return #expect(throws: Failure.self) { try plan.encodeDocument(textRow(row), into: &writer) }
    }

    /// `_id` could hold them as text; who asks for a refusal gets one, and the key to hold the row back by.
    @Test(arguments: [
        (Mapped.numeric, String(repeating: "1", count: 35), "1"), (Mapped.date, "infinity", "2024-01-02"),
        (Mapped.timestamptz, "-infinity", "2024-01-02 03:04:05+00"),
    ])
    func aKeysValuesAreRefusedToo(type: PostgresType, refused: String, taken: String) throws {
        for key in [["id"], ["id", "n"]] {
            let plan = try Mapped.plan([("id", type), ("n", Mapped.int4)], key: key) {
                $0.policies.numericOverflow = .deadLetter
                $0.policies.outOfRange = .deadLetter
                $0.policies.timestamp = .iso
            }
            var writer = BSONWriter()
            let failure = #expect(throws: Failure.self) {
                try plan.encodeDocument(textRow([refused, "1"]), into: &writer)
            }
            #expect(failure?.policy == .deadLetter && failure?.message.contains("column id") == true)
            #expect(throws: Failure.self) { try plan.encodeSentFields(textRow([refused, "1"]), into: &writer) }
            #expect(plan.key(of: textRow([refused, "1"])) != nil)
            #expect(throws: Never.self) { try plan.encodeDocument(textRow([taken, "1"]), into: &writer) }
        }
        #expect(throws: Failure.self) {
            try Mapped.plan([("id", type)], key: ["id"]) {
                $0.columnPolicies["id"] = ColumnPolicies()
                $0.columnPolicies["id"]?.timestamp = .date
            }
        }
    }

    @Test func textHasRoomForInfinityWhereNobodyRefusesIt() throws {
        let columns = [("id", Mapped.int4), ("t", Mapped.timestamptz)]
        let failure = try refusal(columns, ["1", "-infinity"]) {
            $0.policies.timestamp = .iso
            $0.policies.outOfRange = .fail
        }
        #expect(failure?.policy == .fail)
        let typed = try refusal([("id", Mapped.int4), ("d", Mapped.date)], ["1", "infinity"]) {
            $0.types = ["d": .string]
            $0.policies.outOfRange = .fail
        }
        #expect(typed?.policy == .fail)
        let plan = try Mapped.plan(columns, key: ["id"]) {
            $0.policies.timestamp = .iso
            $0.policies.outOfRange = .fail
        }
        let document = try MappingPlanTests.document {
            try plan.encodeDocument(textRow(["1", "2024-01-02 03:04:05+00"]), into: &$0)
        }
        #expect(document["t"] == "2024-01-02T03:04:05.000000Z")
    }

    @Test(arguments: ["NaN", "Infinity", "-Infinity", "0.5"]) func aNumericIsADouble(text: String) throws {
        let plan = try Mapped.plan([("id", Mapped.int4), ("n", Mapped.numeric)], key: ["id"]) {
            $0.types = ["n": .double]
        }
        let document = try MappingPlanTests.document { try plan.encodeDocument(textRow(["1", text]), into: &$0) }
        guard case .double(let value) = document["n"] else {
            Issue.record("\(document) has no double")
            return
        }
        #expect("\(value)" == "\(Double(text) ?? 0)")
    }

    /// Of an extension that nobody knows; money is stored as text too, and known.
    @Test func aTypeNobodyKnows() throws {
        let unknown = PostgresType(oid: 70_000, name: "public.shape", shape: .base)
        let money = PostgresType(oid: 790, name: "money", shape: .base)
        let array = PostgresType(oid: 70_001, name: "shapes", shape: .array(element: unknown, delimiter: 0x2C))
        for (type, text) in [(unknown, "x"), (array, "{x}"), (PostgresType(oid: 1, name: "?", shape: .other), "x")] {
            let columns = [("id", Mapped.int4), ("m", money), ("s", type)]
            let failure = try refusal(columns, ["1", "$1", text]) { $0.policies.unknownType = .deadLetter }
            #expect(failure?.policy == .deadLetter && failure?.message.contains("column s") == true)
            let plan = try Mapped.plan(columns, key: ["id"]) {
                $0.policies.unknownType = .fail
                $0.columnPolicies["s"] = ColumnPolicies()
                $0.columnPolicies["s"]?.unknownType = .string
            }
            var writer = BSONWriter()
            #expect(throws: Never.self) { try plan.encodeDocument(textRow(["1", "$1", text]), into: &writer) }
        }
    }

    /// Whether there was a value is part of what `mask: null` hides.
    @Test func aMaskOfNullLeavesNoFieldWhereNullsAreNone() throws {
        let plan = try Mapped.plan([("id", Mapped.int4), ("t", Mapped.date)], key: ["id"]) {
            $0.masks = ["t": .null]
            $0.nulls = .omit
        }
        for value in ["2024-01-02", nil] {
            let document = try MappingPlanTests.document {
                try plan.encodeDocument(textRow(["1", value]), into: &$0)
            }
            #expect(document == ["_id": 1])
        }
    }

    /// A row that makes no document is kept as its documents would show it.
    @Test func whatIsKeptOfARowShowsNoMoreThanItsDocument() throws {
        let text = PostgresType(oid: 25, name: "text", shape: .base)
        let plan = try Mapped.plan(
            [
                ("id", Mapped.int4), ("secret", text), ("card", text), ("gone", Mapped.timestamptz), ("left", text),
                ("n", Mapped.numeric),
            ], key: ["id"]
        ) {
            $0.columns = .drop(["left"])
            $0.masks = ["secret": .redact, "card": .last4, "gone": .null]
            $0.policies.numericOverflow = .deadLetter
        }
        let number = String(repeating: "1", count: 35)
        let row = textRow(["1", "hidden", "hidden 1234", "2024-01-02 00:00:00+00", "hidden", number])
        #expect(
            plan.content(of: row)
                == .row([
                    "id": 1, "secret": "redacted", "card": "*******1234", "gone": .null, "n": .string(number),
                ]))
        // Not even bytes that make no text.
        let invalid = textRow(["1", "hidden", "hidden\u{0}", nil, "hidden", number])
        #expect(!"\(plan.content(of: invalid))".contains("hidden"))
    }
}
