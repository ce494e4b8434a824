import BSON
import Mapping
import Model
import TestSupport

/// Encodes one value of one type.
struct SingleValue {
    private let plan: MappingPlan

    init(_ type: PostgresType) throws {
        plan = try MappingPlan(
            schema: testTable([("n", OracleFamily.base(23, "integer")), ("x", type)]), collection: "c",
            keyColumns: ["n"])
    }

    init(_ oid: UInt32, arrayOf: Bool = false) throws {
        let base = OracleFamily.base(oid, "type \(oid)")
        try self.init(
            arrayOf
                ? PostgresType(oid: 0, name: "array", shape: .array(element: base, delimiter: UInt8(ascii: ","))) : base
        )
    }

    /// Throws `Failure`, or `BSONError` should the bytes not be BSON.
    func encode(_ kind: Field.Kind, _ bytes: [UInt8]) throws -> BSONValue? {
        var writer = BSONWriter()
        let range: Range<Int>
        do {
            range = try plan.encodeSentFields(testRow([(.null, []), (kind, bytes)]), into: &writer)
        } catch {
            precondition(writer.count == 0, "a failure leaves the writer as it was")
            throw error
        }
        return try BSONDocument(validating: writer.bytes(in: range))["x"]
    }

    func text(_ text: String) throws -> BSONValue? { try encode(.text, Array(text.utf8)) }
}
