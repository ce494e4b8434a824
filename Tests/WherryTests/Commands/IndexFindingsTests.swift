import BSON
import Mapping
import Model
import Postgres
import Testing

@testable import WherryCommand

@Suite struct IndexFindingsTests {
    private let table = CatalogSample.people

    private func findings(
        _ index: CollectionIndex, _ sources: [CatalogIndex] = [], _ change: (inout CollectionMapping) -> Void = { _ in }
    ) throws -> [Finding] {
        var mapping = CollectionMapping()
        change(&mapping)
        let plan = try MappingPlan(
            schema: table.schema, collection: "people", keyColumns: table.primaryKey, mapping: mapping)
        return IndexFindings(collection: "people", table: table, sources: sources, plan: plan, mapping: mapping)
            .findings([index])
    }

    private func unique(_ paths: String..., change: (inout CollectionIndex) -> Void = { _ in }) -> CollectionIndex {
        var index = CollectionIndex(name: "u", keys: paths.map { .init($0) })
        index.isUnique = true
        change(&index)
        return index
    }

    @Test func fieldsThatNoDocumentHas() throws {
        let found = try findings(CollectionIndex(name: "i", keys: [.init("emial"), .init("data.kind"), .init("_id")]))
        #expect(found.map(\.code) == ["index_field"] && found.map(\.severity) == [.warning])
        #expect(found.first?.message.contains("is on emial, a field that no document has") == true)
        #expect(found.first?.remedy == "Did you mean email?")
        let renamed = try findings(CollectionIndex(name: "i", keys: [.init("status"), .init("state.name")])) {
            $0.rename = ["status": "state.name"]
        }
        #expect(renamed.first?.message.contains("is on status, ") == true && renamed.count == 1)
    }

    @Test func whatTheSourceKeepsUnique() throws {
        let status = CatalogSample.index("s", "status", isUnique: true)
        #expect(try findings(unique("status"), [status]).isEmpty)
        #expect(try findings(unique("status", "live"), [status]).isEmpty)
        #expect(try findings(unique("_id", "tags.x")).count == 1)
        #expect(try findings(unique("_id", "live")).isEmpty)
        let partial = CatalogSample.index("p", "status", isUnique: true, predicate: "live")
        #expect(try findings(unique("status"), [partial]).count == 1)
        let narrowed = unique("status") { $0.conditions = [.init(path: "live", value: true)] }
        #expect(try findings(narrowed, [partial]).isEmpty)
        let email = CatalogSample.index("e", "email", isUnique: true)
        #expect(try findings(unique("email") { $0.isSparse = true }, [email]).isEmpty)
        let nullable = CatalogSample.index("e", "email", isUnique: true, nullsAreEqual: true)
        #expect(try findings(unique("email"), [nullable]).isEmpty)
        let nick = CatalogSample.index("n", "nick", isUnique: true)
        let folded = unique("nick") {
            $0.isSparse = true
            $0.collation = .init(locale: "en", strength: 2)
        }
        #expect(try findings(folded, [nick]).isEmpty)
        let both = unique("_id", "nick") { ($0.isSparse, $0.collation) = (true, .init(locale: "en", strength: 2)) }
        #expect(try findings(both, [CatalogSample.index("b", "id", "nick", isUnique: true)]).isEmpty)
    }

    /// Nothing of it is unique in PostgreSQL, where a NULL equals nothing.
    @Test func aSourceThatKeepsNothingUnique() throws {
        let none = CatalogSample.index("p", "status", "email", isUnique: true, predicate: "(email IS NULL)")
        let narrowed = unique("status", "email") { $0.conditions = [.init(path: "email", value: nil)] }
        #expect(try findings(narrowed, [none]).first?.message.contains("no unique index or key of email") == true)
    }

    @Test func whatTheMappingCannotKeep() throws {
        func expect(
            _ reason: String, _ index: CollectionIndex, _ sources: [CatalogIndex],
            _ location: SourceLocation = #_sourceLocation, _ change: (inout CollectionMapping) -> Void = { _ in }
        ) throws {
            let found = try findings(index, sources, change)
            #expect(found.map(\.code) == ["unique_index"], sourceLocation: location)
            #expect(found.first?.message.contains(reason) == true, "\(found)", sourceLocation: location)
        }
        let status = CatalogSample.index("s", "status", isUnique: true)
        try expect("no unique index or key of live, status alone", unique("status", "live"), [])
        try expect("may have NULL in email", unique("email"), [CatalogSample.index("e", "email", isUnique: true)])
        try expect(
            "its collation takes texts for equal", unique("status") { $0.collation = .init(locale: "en", strength: 1) },
            [status])
        try expect("tags is an array", unique("_id", "tags"), [])
        let data = CatalogSample.index("d", "data", isUnique: true)
        try expect("data may hold an array", unique("data"), [data])
        try expect("values of status may become the same", unique("status"), [status]) {
            $0.masks = ["status": .redact]
        }
        let moment = CatalogSample.index("d", "deleted_at", isUnique: true)
        let sparse = unique("deleted_at") { $0.isSparse = true }
        try expect("values of deleted_at may become the same", sparse, [moment])
        #expect(try findings(sparse, [moment]) { $0.policies.timestamp = .iso }.isEmpty)
    }
}
