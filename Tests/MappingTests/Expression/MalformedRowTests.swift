import BSON
import Mapping
import Model
import TestSupport
import Testing

/// Rows that no server sends: an expression refuses them, and ends.
@Suite struct MalformedRowTests {
    private func takes(_ condition: String, _ type: PostgresType, _ kind: Field.Kind, _ bytes: [UInt8]) throws -> Bool {
        var mapping = CollectionMapping()
        mapping.filter = condition
        let plan = try MappingPlan(
            schema: testTable([("id", OracleFamily.base(23, "integer")), ("v", type)]), collection: "t",
            keyColumns: ["id"], mapping: mapping)
        return try plan.takes(testRow([(.text, Array("1".utf8)), (kind, bytes)]))
    }

    @Test func lengthsOfAnArray() throws {
        let type = PostgresType(
            oid: 1007, name: "integer[]", shape: .array(element: OracleFamily.base(23, "integer"), delimiter: 0x2C))
        func array(_ lengths: [Int32]) -> [UInt8] {
            let numbers: [Int32] = [Int32(lengths.count), 0, 23] + lengths.flatMap { [$0, 1] }
            return numbers.flatMap { withUnsafeBytes(of: $0.bigEndian, Array.init) }
        }
        #expect(try takes("cardinality(v) = 6", type, .binary, array([2, 3])))
        for lengths in [[.max, .max, .max], [-1], [2, -3]] as [[Int32]] {
            #expect(throws: Failure.self) { try takes("cardinality(v) > 0", type, .binary, array(lengths)) }
        }
    }

    @Test(arguments: ["[\u{1}]", "{\"x\": \u{7F}}", "[1, ;]", "{\"x\": [(]}", "[", "{\"x\""])
    func jsonOfNoGrammar(text: String) throws {
        #expect(throws: Failure.self) {
            try takes("v ->> 'y' = 'z'", OracleFamily.base(114, "json"), .text, Array(text.utf8))
        }
    }

    /// A large key that is unchanged comes beside the new row alone: what is made of it can't be told.
    @Test func aComputedFieldOfAnUnchangedKey() throws {
        let text = OracleFamily.base(25, "text")
        for expression in ["left(k, 3) || a", "left(k, 3)"] {
            var mapping = CollectionMapping()
            mapping.computed = [.init(path: "x", expression: expression)]
            let plan = try MappingPlan(
                schema: testTable([("k", text), ("a", text), ("big", text)]), collection: "t", keyColumns: ["k"],
                mapping: mapping)
            let value: (Field.Kind, [UInt8]) = (.text, [0x7A])
            let new = testRow([(.unchanged, []), value, (.unchanged, [])])
            #expect(plan.mayReadAgain && plan.needsReread(new, old: .key(testRow([value, (.null, []), (.null, [])]))))
            #expect(!plan.needsReread(testRow([value, value, value]), old: nil))
        }
    }
}
