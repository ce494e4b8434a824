import Model
import Testing

@testable import WherryCommand

@Suite struct CheckFindingsTests {
    private func table(_ schema: String, _ name: String, key: [String] = ["id"], type: UInt32 = 23) -> SourceTable {
        let column = Column(name: "id", type: PostgresType(oid: type, name: "t", shape: .base), isIdentity: true)
        return SourceTable(
            schema: TableSchema(
                oid: 1, name: TableName(schema: schema, name: name), columns: [column], replicaIdentity: .primaryKey),
            primaryKey: key)
    }

    @Test func sharedCollections() {
        let findings = CheckFindings.collections(
            of: [table("public", "a_b"), table("a", "b"), table("public", "c")], occupied: [], adopts: false)
        #expect(findings.map(\.code) == ["collection_shared"])
        #expect(findings.first?.message == "tables a.b and public.a_b would share collection a_b")
    }

    @Test func occupiedCollections() {
        let refused = CheckFindings.collections(of: [table("public", "a")], occupied: ["b", "a"], adopts: false)
        #expect(refused.map(\.severity) == [.error])
        #expect(refused.first?.message == "the target already holds documents in: a, b")
        #expect(CheckFindings.collections(of: [], occupied: ["a"], adopts: true).map(\.severity) == [.info])
    }

    @Test func keysThatAreNone() {
        #expect(CheckFindings.types(of: table("public", "a")).isEmpty)
        #expect(CheckFindings.types(of: table("public", "a", key: ["gone"])).map(\.code) == ["key_refused"])
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
