import Model
import Postgres
import Testing

@testable import WherryCommand

@Suite struct IndexProposalTests {
    private func propose(_ index: CatalogIndex) -> IndexProposal {
        IndexProposal(index, of: CatalogSample.people) { $0 == "id" ? "_id" : $0 }
    }

    @Test(arguments: [
        (CatalogSample.index("a", "status", "-id"), "{ keys: [status, -_id] }"),
        (CatalogSample.index("a", "status", method: "hash"), "{ keys: [status] }"),
        (CatalogSample.index("a", "tags", method: "gin"), "{ keys: [tags] }"),
        (CatalogSample.index("a", "status", isUnique: true), "{ keys: [status], unique: true }"),
        // Of NULLs there may be many in PostgreSQL.
        (
            CatalogSample.index("a", "status", "email", isUnique: true),
            "{ keys: [status, email], unique: true, sparse: true }"
        ),
        (CatalogSample.index("a", "email", isUnique: true, nullsAreEqual: true), "{ keys: [email], unique: true }"),
        (CatalogSample.index("a", "email", predicate: "(email IS NOT NULL)"), "{ keys: [email], sparse: true }"),
        (
            CatalogSample.index(
                "a", "id", "status", predicate: "(deleted_at IS NULL) AND (status = 'on'::text) AND live"),
            "{ keys: [_id, status], where: { deleted_at: null, live: true, status: \"on\" } }"
        ),
        (
            CatalogSample.index("a", "nick", isUnique: true),
            "{ keys: [nick], unique: true, sparse: true, collation: { locale: en, strength: 2 } }"
        ),
        (
            CatalogSample.index("a", "status", ignoresDifferences: true),
            "{ keys: [status], collation: { locale: en, strength: 2 } }"
        ),
    ])
    func whatBecomesOfThem(_ index: CatalogIndex, yaml: String) {
        #expect(propose(index).index?.yaml == yaml, "\(propose(index))")
    }

    @Test(arguments: [
        (CatalogSample.index("a", nil), "on an expression, lower(email)"),
        (CatalogSample.index("a", "data", method: "gin"), "a gin index over jsonb"),
        (CatalogSample.index("a", "status", method: "brin"), "a brin index has no counterpart"),
        (CatalogSample.index("a", "id"), "MongoDB has one on _id"),
        (CatalogSample.index("a", "gone"), "column gone is in no document"),
        (CatalogSample.index("a", "tags", isUnique: true), "no element be in two documents"),
        (CatalogSample.index("a", "tags", "more"), "one array in an index: tags, more"),
        (CatalogSample.index("a", "tags", "data"), "one array in an index: tags, data"),
        (CatalogSample.index("a", "nick", "status"), "only some of its columns ignore upper and lower case"),
        (CatalogSample.index("a", "status", predicate: "(id > 5)"), "WHERE (id > 5)"),
        (CatalogSample.index("a", "status", predicate: "(email IS NOT NULL)"), "WHERE (email IS NOT NULL)"),
        // A NULL in nick is in the one, and not in the other.
        (
            CatalogSample.index("a", "email", "deleted_at", predicate: "(email IS NOT NULL)"),
            "partial in a way of its own"
        ),
        (CatalogSample.index("a", "id", "status", predicate: "(nick = 'a'::citext)"), "partial in a way of its own"),
    ])
    func whatHasNoCounterpart(_ index: CatalogIndex, reason: String) {
        #expect(propose(index).index == nil)
        #expect(propose(index).remark?.contains(reason) == true, "\(propose(index))")
    }

    /// Of NULLs there are as many as one likes, so it keeps nothing unique.
    @Test func aConditionByWhichTheKeyIsNull() {
        let proposal = propose(
            CatalogSample.index("a", "status", "email", isUnique: true, predicate: "(email IS NULL)"))
        #expect(proposal.index?.yaml == "{ keys: [status, email], where: { email: null } }", "\(proposal)")
        #expect(proposal.remark?.contains("email is NULL in all of its rows") == true)
        let equal = CatalogSample.index(
            "a", "status", "email", isUnique: true, nullsAreEqual: true, predicate: "(email IS NULL)")
        #expect(propose(equal).index?.isUnique == true)
    }

    @Test func namesThatAFileTakesForOthers() {
        let table = CatalogSample.table(
            "odd", [("id", CatalogSample.int4), ("-x", CatalogSample.int4), ("$y", CatalogSample.int4)])
        func remark(_ index: CatalogIndex) -> String? { IndexProposal(index, of: table) { $0 }.remark }
        let descending = CatalogIndex(name: "i", keys: [.init(column: "-x", definition: "\"-x\"")])
        #expect(remark(descending)?.contains("would be a descending field") == true)
        let narrowed = CatalogSample.index("i", "id", predicate: "(\"$y\" = 3)")
        #expect(remark(narrowed)?.contains("read the name $y as a path") == true)
    }

    @Test func namesThatMongoDBTakesForPaths() {
        let table = CatalogSample.table("odd", [("id", CatalogSample.int4), ("a.b", CatalogSample.int4)])
        let proposal = IndexProposal(CatalogSample.index("i", "a.b"), of: table) { $0 }
        #expect(proposal.remark?.contains("read the name a.b as a path") == true)
        #expect(IndexProposal(CatalogSample.index("i", "a.b"), of: table) { _ in "a.c" }.index != nil)
    }
}
