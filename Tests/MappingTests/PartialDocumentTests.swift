import BSON
import Mapping
import Model
import TestSupport
import Testing

/// A part of a row, laid over the document of the row before, is the document of the row: whatever the mapping makes of
/// it.
@Suite struct PartialDocumentTests {
    private struct History {
        var random: SeededGenerator
        let plan: MappingPlan
        let columns: Int

        init(seed: UInt64) throws {
            let text = CollectionMappingTests.text
            random = SeededGenerator(seed: seed)
            columns = Int.random(in: 3...8, using: &random)
            var mapping = CollectionMapping()
            mapping.nulls = Bool.random(using: &random) ? .omit : .null
            for column in 1..<columns where Bool.random(using: &random) {
                mapping.rename["c\(column)"] = ["a.c\(column)", "a.b.c\(column)", "z.c\(column)"].randomElement(
                    using: &random)!
            }
            let types = (0..<columns).map { index in
                (name: "c\(index)", type: index % 3 == 2 ? CollectionMappingTests.jsonb : CollectionMappingTests.text)
            }
            plan = try MappingPlan(
                schema: testTable(types + [("k1", text), ("k2", text)], identity: ["c0", "k1", "k2"]), collection: "c",
                keyColumns: Array(["c0", "k1", "k2"][..<Int.random(in: 1...3, using: &random)]), mapping: mapping)
        }

        mutating func value(_ column: Int) -> String? {
            if column == 0 { return "k" }
            if Int.random(in: 0..<3, using: &random) == 0 { return nil }
            let number = Int.random(in: 0..<100, using: &random)
            return column % 3 == 2
                ? ["{\"\": \(number)}", "{}", "[\(number)]"].randomElement(using: &random)! : "\(number)"
        }

        mutating func values() -> [String?] { (0..<columns).map { value($0) } + ["k", "k"] }

        /// A next version of the row, and the row as it is sent: what was large and did not change is not.
        mutating func change(_ values: [String?]) -> (values: [String?], sent: Row) {
            var next = values
            var fields: [(kind: Field.Kind, bytes: [UInt8])] = []
            for column in 0..<columns {
                if column > 0, values[column] != nil, Bool.random(using: &random) {
                    fields.append((.unchanged, []))
                } else {
                    if column > 0 { next[column] = value(column) }
                    fields.append(next[column].map { (.text, Array($0.utf8)) } ?? (.null, []))
                }
            }
            fields += [(.text, [0x6B]), (.text, [0x6B])]
            return (next, testRow(fields))
        }

        func whole(_ values: [String?]) throws -> BSONDocument {
            try MappingPlanTests.document { try plan.encodeDocument(textRow(values), into: &$0) }
        }

        func part(_ row: Row) throws -> [UInt8] {
            var writer = BSONWriter()
            return writer.bytes(in: try plan.encodeSentFields(row, into: &writer))
        }
    }

    private func merge(_ base: [UInt8], _ overlay: [UInt8]) throws -> [UInt8] {
        var writer = BSONWriter()
        let range = try base.withUnsafeBytes { base in
            try overlay.withUnsafeBytes { try mergeDocuments(base: base, overlay: $0, into: &writer) }
        }
        return writer.bytes(in: range)
    }

    @Test(arguments: 0..<200 as Range<UInt64>) func partsMakeTheWhole(seed: UInt64) throws {
        var history = try History(seed: seed)
        let first = history.values()
        let (second, sent) = history.change(first)
        let (third, sentLater) = history.change(second)
        let base = try history.whole(first).bytes
        let (part, later) = (try history.part(sent), try history.part(sentLater))
        #expect(try BSONDocument(validating: merge(base, part)) == history.whole(second))
        #expect(try BSONDocument(validating: merge(merge(base, part), later)) == history.whole(third))
        // Both at once: two changes of one row in one batch.
        #expect(try BSONDocument(validating: merge(base, merge(part, later))) == history.whole(third))
    }
}
