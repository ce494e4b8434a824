import Model
import TestSupport
import Testing

@testable import WherryCommand

@Suite struct CheckFindingsTests {
    private func table(_ schema: String, _ name: String, key: [String] = ["id"], type: UInt32 = 23) -> DraftTable {
        let column = Column(name: "id", type: PostgresType(oid: type, name: "t", shape: .base), isIdentity: true)
        return DraftTable(
            schema: TableSchema(
                oid: 1, name: TableName(schema: schema, name: name), columns: [column], replicaIdentity: .primaryKey),
            primaryKey: key)
    }

    @Test func sharedCollections() {
        let names = [("public", "a_b"), ("a", "b"), ("public", "c")].map { TableName(schema: $0.0, name: $0.1) }
        let findings = CheckFindings.collections(
            MappingRules().destinations(of: names), occupied: [],
            adopts: false)
        #expect(findings.map(\.code) == ["collection_shared"])
        #expect(findings.first?.message == "tables a.b and public.a_b would share collection a_b")
    }

    @Test func occupiedCollections() {
        let refused = CheckFindings.collections(
            [Destination(TableName(schema: "public", name: "a"), "a")], occupied: ["b", "a"], adopts: false)
        #expect(refused.map(\.severity) == [.error])
        #expect(refused.first?.message == "the target already holds documents in: a, b")
        #expect(CheckFindings.collections([], occupied: ["a"], adopts: true).map(\.severity) == [.info])
    }

    @Test func keysThatAreNone() {
        #expect(CheckFindings.mapping(of: table("public", "a"), into: "a").isEmpty)
        let refused = CheckFindings.mapping(of: table("public", "a", key: ["gone"]), into: "a")
        #expect(refused.map(\.code) == ["key_refused"])
    }

    @Test(arguments: [
        ("updatd_at", "Did you mean updated_at? sql/30_last_modified.sql adds", "that the table doesn't have"),
        ("elsewhere", "sql/30_last_modified.sql adds", "that the table doesn't have"),
        ("id", "Name a column of type timestamptz", "a column of its primary key"),
        ("day", "Name a column of type timestamptz", "of type date instead of timestamptz or timestamp"),
        ("moments", "Name a column of type timestamptz", "of type timestamptz[] instead of"),
    ])
    func guardsOfNoUse(column: String, remedy: String, message: String) {
        let guarding = LastModified(column: column)
        let findings = CheckFindings.lastModified(guarding, of: guarded(isNullable: true))
        #expect(findings.map(\.severity) == [.error] && findings.map(\.code) == ["last_modified"])
        #expect(findings.first?.subject == "public.t.\(column)")
        #expect(findings.first?.message.contains("of table public.t is \(column), ") == true)
        #expect(findings.first?.message.contains(message) == true)
        #expect(findings.first?.remedy?.hasPrefix(remedy) == true, "\(findings)")
    }

    @Test func guardsOfUse() {
        for column in ["updated_at", "plain", "domain"] {
            let guarding = LastModified(column: column)
            #expect(CheckFindings.lastModified(guarding, of: guarded(isNullable: false)) == [])
            let nullable = CheckFindings.lastModified(guarding, of: guarded(isNullable: true))
            #expect(nullable.map(\.severity) == [.info])
            #expect(nullable.first?.message.contains("replaces only a document that has no date") == true)
        }
    }

    private func guarded(isNullable: Bool) -> DraftTable {
        let timestamptz = PostgresType(oid: 1184, name: "timestamptz", shape: .base)
        let columns: [(String, PostgresType)] = [
            ("id", PostgresType(oid: 1184, name: "timestamptz", shape: .base)), ("updated_at", timestamptz),
            ("plain", PostgresType(oid: 1114, name: "timestamp", shape: .base)),
            ("domain", PostgresType(oid: 9, name: "moment", shape: .domain(base: timestamptz))),
            ("day", PostgresType(oid: 1082, name: "date", shape: .base)),
            (
                "moments",
                PostgresType(oid: 1185, name: "timestamptz[]", shape: .array(element: timestamptz, delimiter: 0x2C))
            ),
        ]
        return DraftTable(
            schema: TableSchema(
                oid: 1, name: TableName(schema: "public", name: "t"),
                columns: columns.map { Column(name: $0.0, type: $0.1, isIdentity: $0.0 == "id") },
                replicaIdentity: .primaryKey),
            primaryKey: ["id"], nullableColumns: isNullable ? Set(columns.map(\.0)) : [])
    }

    @Test func aSlotThatNoStateExplains() {
        #expect(CheckFindings.slotWithoutState(nil, pipeline: "shop").isEmpty)
    }

    @Test func theRefusalOfAStart() {
        func finding(_ kind: Failure.Kind, _ text: String) -> Finding {
            Finding(.error, "x", subject: "source", text, remedy: "Do \(text).", kind: kind)
        }
        let warning = Finding(.warning, "x", subject: "source", "w")
        #expect(CheckFindings.refusal([warning], pipeline: "p") == nil)
        #expect(
            CheckFindings.refusal([warning, finding(.denied, "a")], pipeline: "p")
                == Failure(.denied, "a", hint: "Do a."))
        #expect(
            CheckFindings.refusal([finding(.configuration, "a"), finding(.denied, "b")], pipeline: "p")
                == Failure(.denied, "b (and another problem)", hint: "Do b. 'wherry check' lists everything."))
        let three = CheckFindings.refusal(
            [finding(.configuration, "a"), finding(.configuration, "b"), finding(.configuration, "c")], pipeline: "p")
        #expect(three?.message == "a (and 2 other problems)")
    }
}
