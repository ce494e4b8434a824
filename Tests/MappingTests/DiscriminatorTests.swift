import BSON
import Mapping
import Model
import Testing

/// The constant that tells the documents of several tables apart.
@Suite struct DiscriminatorTests {
    private static let kind = Discriminator(field: "kind", value: "order")

    private func plan(
        key: [String] = ["tenant_id", "order_no"], _ change: (inout CollectionMapping) -> Void = { _ in }
    ) throws -> MappingPlan {
        try CollectionMappingTests.plan(key: key) {
            $0.discriminator = Self.kind
            $0.columns = .keep(["note", "total"])
            change(&$0)
        }
    }

    private func document(_ plan: MappingPlan, _ row: Row = CollectionMappingTests.row) throws -> BSONDocument {
        try MappingPlanTests.document { try plan.encodeDocument(row, into: &$0) }
    }

    @Test func isTheFirstFieldAndTheFirstOfTheKey() throws {
        let total = BSONValue.decimal128(Decimal128("12.50")!)
        #expect(
            try document(plan()) == [
                "_id": ["kind": "order", "tenant_id": 7, "order_no": "A:1"], "kind": "order", "total": total,
                "note": nil,
            ])
        let reordered = try plan { $0.id = .columns(["order_no", "tenant_id"]) }
        #expect(try document(reordered)["_id"] == ["kind": "order", "order_no": "A:1", "tenant_id": 7])
        for id in [DocumentID.key, .wrapped] {
            let single = try plan(key: ["order_no"]) { ($0.id, $0.nulls) = (id, .omit) }
            let made: BSONDocument = ["_id": ["kind": "order", "order_no": "A:1"], "kind": "order", "total": total]
            #expect(try document(single) == made)
            #expect(single.keyForms == ["kind='order'", "order_no:text"])
            #expect(single.paths == ["_id", "_id.kind", "_id.order_no", "kind", "total", "note"])
        }
    }

    @Test func theKeyIsReadBackByItsOwnTableAlone() throws {
        let plan = try plan()
        let id = try #require(try document(plan)["_id"])
        #expect(plan.keyText(of: id) == ["7", "A:1"])
        let row = plan.row(ofKey: ["7", "A:1"])
        #expect(try MappingPlanTests.document { try plan.encodeKey(row, into: &$0) } == ["_id": id])
        for other: BSONValue in [
            ["kind": "orders", "tenant_id": 7, "order_no": "A:1"], ["tenant_id": 7, "order_no": "A:1"],
            ["tenant_id": 7, "order_no": "A:1", "kind": "order"], ["kind": "order", "tenant_id": 7], ["kind": "order"],
            ["kind": nil, "tenant_id": 7, "order_no": "A:1"], "order",
        ] {
            #expect(plan.keyText(of: other) == nil, "\(other)")
        }
        #expect(plan.part.contains(["_id": id]))
    }

    /// What a part of a row sets leaves it, and in the shape of the whole it has its place.
    @Test func partsOfRowsKeepIt() throws {
        let row = testRow([
            (.text, Array("7".utf8)), (.text, Array("A:1".utf8)), (.null, []), (.null, []), (.text, Array("1".utf8)),
            (.unchanged, []), (.null, []),
        ])
        let flat = try plan()
        let sent = try MappingPlanTests.document { try flat.encodeSentFields(row, into: &$0) }
        #expect(sent == ["total": .decimal128(Decimal128("1")!)])
        let nested = try plan { $0.rename = ["note": "inner.note"] }
        var writer = BSONWriter()
        let range = try nested.encodeSentFields(row, into: &writer)
        let names = try writer.withUnsafeBytes(in: range) { try PartialDocument.fields(of: $0).map(\.name) }
        #expect(names == ["kind", "total", "inner"])
    }

    @Test func whatCantBeTogether() throws {
        for (words, change) in [
            (["note", "field kind"], { $0.rename = ["note": "kind"] }),
            (["kind.x", "field kind"], { $0.rename = ["note": "kind.x"] }),
            (["of _id, the discriminator's"], { $0.rename = ["order_no": "kind"] }),
            (
                ["'id' of collection orders", "there is a discriminator"],
                { $0.id = .template("${tenant_id}:${order_no}") }
            ),
        ] as [([String], (inout CollectionMapping) -> Void)] {
            let failure = #expect(throws: Failure.self) { try plan(change) }
            #expect(failure?.kind == .configuration && failure?.hint != nil)
            for word in words { #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")") }
        }
    }

    @Test func itIsInTheFingerprint() {
        var mapping = CollectionMapping()
        let without = mapping.fingerprint
        mapping.discriminator = Self.kind
        let with = mapping.fingerprint
        mapping.discriminator = Discriminator(field: "kind", value: "orders")
        #expect(Set([without, with, mapping.fingerprint]).count == 3)
    }
}
