import BSON
import Mapping
import Model
import Testing

/// Compares the codecs with what the server itself makes of the same values.
struct OracleCheck {
    let session: OracleSession
    var randomValues = 500

    /// Both forms of every value give the same bytes, they are what SQL computes, and as keys different values stay
    /// different.
    func check(_ family: OracleFamily) async throws {
        try await makeTable(family.setUp, family.sqlType, family.edges, family.random)
        let text = try await session.rows(
            "SELECT n, x, CASE WHEN x IS NOT NULL THEN \(family.expected) END FROM oracle ORDER BY n")
        let binary = try await session.copyBinary("SELECT n, x FROM oracle ORDER BY n")
        try #require(text.count == binary.count && text.count >= randomValues)
        let plan = try family.isKey ? keyPlan(family.type) : bodyPlan(family.type)
        for (text, binary) in zip(text, binary) {
            if family.isKey, text[1] == nil { continue }
            let fromText = try document(of: textRow([text[0], text[1]]), plan)
            let fromBinary = try document(of: binary, plan)
            #expect(fromText == fromBinary, "\(family.testDescription): forms differ for \(text)")
            let value = try #require(fromBinary[family.isKey ? "_id" : "x"])
            let expected = text[2].map { OracleValue.text($0) } ?? .null
            let rendered: OracleValue = value.isNull ? .null : .text(family.render(value))
            #expect(rendered == expected, "\(family.testDescription)")
        }
        try await checkKeys(family, binary)
    }

    /// Values that PostgreSQL tells apart are apart as `_id`.
    private func checkKeys(_ family: OracleFamily, _ rows: [Row]) async throws {
        // These have no equality that a key could use, or none at all.
        if ["xid", "cid", "refcursor"].contains(family.name) { return }
        let plan = try keyPlan(family.type)
        let answer = try await session.rows("SELECT count(DISTINCT x) FROM oracle")
        let distinct = try #require(answer.first?.first.flatMap { $0 }.flatMap { Int($0) })
        var keys: Set<BSONValue> = []
        for row in rows where row.fields[1].kind != .null {
            var writer = BSONWriter()
            let range = try plan.encodeKey(row, into: &writer)
            keys.insert(try #require(try BSONDocument(validating: writer.bytes(in: range))["_id"]))
        }
        #expect(keys.count >= distinct, "\(family.testDescription): keys collide")
    }

    /// JSON and arrays: what became of the value, written as JSON again, is equal for the server.
    func checkJSON(_ family: OracleJSON) async throws {
        try await makeTable([], family.sqlType, family.edges, family.random)
        let text = try await session.rows("SELECT n, x FROM oracle ORDER BY n")
        let binary = try await session.copyBinary("SELECT n, x FROM oracle ORDER BY n")
        try #require(text.count == binary.count && text.count >= randomValues)
        let plan = try bodyPlan(family.type)
        var rendered: [String] = []
        for (text, binary) in zip(text, binary) {
            let fromText = try document(of: textRow(text), plan)
            let fromBinary = try document(of: binary, plan)
            #expect(fromText == fromBinary, "\(family.name): forms differ for \(text)")
            let value = try #require(fromBinary["x"])
            let number = try #require(text[0])
            rendered.append("(\(number), \(quoteLiteral(OracleJSON.text(value))))")
        }
        let different = try await session.rows(
            """
            SELECT n, x, j FROM oracle JOIN (VALUES \(rendered.joined(separator: ","))) v(n, j) USING (n)
            WHERE to_jsonb(x) IS DISTINCT FROM j::jsonb AND NOT (x IS NULL AND j = 'null')
            """)
        #expect(different.isEmpty, "\(family.name)")
    }

    private func makeTable(
        _ setUp: [String], _ sqlType: String, _ edges: [String], _ random: String
    ) async throws {
        for setting in OracleSession.settings { _ = try await session.rows(setting) }
        for statement in setUp { _ = try await session.rows(statement) }
        _ = try await session.rows("SET client_min_messages = 'warning'")
        _ = try await session.rows("DROP TABLE IF EXISTS oracle")
        _ = try await session.rows("CREATE TEMP TABLE oracle (n serial, x \(sqlType))")
        _ = try await session.rows("SELECT setseed(0.5)")
        for edge in edges { _ = try await session.rows("INSERT INTO oracle (x) VALUES (\(edge))") }
        _ = try await session.rows(
            "INSERT INTO oracle (x) SELECT \(random) FROM generate_series(1, \(randomValues)) g")
    }

    private func bodyPlan(_ type: PostgresType) throws -> MappingPlan {
        try MappingPlan(schema: schema(type), collection: "oracle", keyColumns: ["n"])
    }

    private func keyPlan(_ type: PostgresType) throws -> MappingPlan {
        try MappingPlan(schema: schema(type), collection: "oracle", keyColumns: ["x"])
    }

    private func schema(_ type: PostgresType) -> TableSchema {
        testTable([("n", OracleFamily.base(23, "integer")), ("x", type)])
    }

    private func document(of row: Row, _ plan: MappingPlan) throws -> BSONDocument {
        var writer = BSONWriter()
        let range = try plan.encodeDocument(row, into: &writer)
        return try BSONDocument(validating: writer.bytes(in: range))
    }
}

enum OracleValue: Equatable {
    case null
    case text(String)
}
