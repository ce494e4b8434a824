import Mapping
import Model
import Testing

/// Which conditions a publication may hold in Wherry's place.
@Suite struct RowFilterTests {
    private func filter(_ condition: String?, identity: [String]? = ["id", "state"]) throws -> String? {
        try plan(condition, identity: identity).rowFilter
    }

    private func plan(_ condition: String?, identity: [String]?) throws -> MappingPlan {
        let integer = PostgresType(oid: 23, name: "integer", shape: .base)
        let text = PostgresType(oid: 25, name: "text", shape: .base)
        let mood = PostgresType(oid: 20_000, name: "mood", shape: .enum)
        var mapping = CollectionMapping()
        mapping.filter = condition
        return try MappingPlan(
            schema: testTable(
                [("id", integer), ("state", text), ("n", integer), ("mood", mood)], identity: identity),
            collection: "t", keyColumns: ["id"], mapping: mapping)
    }

    @Test func whatTheServerSaysAsWherryDoes() throws {
        #expect(try filter(nil) == nil)
        #expect(try filter("STATE <> 'x' and id>5") == "\"state\" <> 'x' and \"id\" > 5")
        for condition in [
            "id IN (1, 2) OR state IS NULL", "NOT (id BETWEEN 1 AND 5)", "coalesce(state, 'x') IS DISTINCT FROM 'y'",
            "CASE WHEN id = 1 THEN state = 'x' ELSE true END", "nullif(id, 3) IS NULL",
        ] { #expect(try filter(condition) != nil, "\(condition)") }
    }

    @Test func whatItCouldDoOtherwise() throws {
        // Outside of the replica identity updates would fail.
        #expect(try filter("id > 5 AND n > 5") == nil)
        // A query may ask for any column.
        let asked = try plan("id > 5 and n > 5", identity: ["id"]).readFilter
        #expect(asked == "\"id\" > 5 and \"n\" > 5")
        #expect(try plan("10 / n > 1", identity: nil).readFilter == nil && plan(nil, identity: nil).readFilter == nil)
        #expect(try filter("id > 5 AND n > 5", identity: nil) != nil)
        #expect(try filter("state = 'x'", identity: ["id"]) == nil)
        // A row without a value would end the stream.
        for condition in ["10 / id > 1", "id + 1 > 5", "state::int > 3", "state || 'x' = 'y'", "state LIKE 'x%'"] {
            #expect(try filter(condition) == nil, "\(condition)")
        }
        // By the bytes of the database's encoding.
        for condition in ["state COLLATE \"C\" > 'x'", "state COLLATE \"C\" BETWEEN 'x' AND 'z'"] {
            #expect(try filter(condition) == nil && plan(condition, identity: nil).readFilter == nil)
        }
        // Not built in.
        #expect(try filter("mood = 'sad'", identity: nil) == nil)
    }
}
