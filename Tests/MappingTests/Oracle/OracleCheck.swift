import BSON
import Mapping
import Model
import Postgres
import TestSupport
import Testing

/// Compares the codecs with what the server itself makes of the same values.
struct OracleCheck {
    /// One connection with Wherry's settings: runs a statement, gives the rows in text form.
    let connection: PostgresConnection
    var randomValues = 500

    /// Both forms of every value give the same bytes, they are what SQL computes, and as keys different values stay
    /// different.
    func check(_ family: OracleFamily) async throws {
        try await makeTable(family.setUp, family.sqlType, family.edges, family.random)
        let rows = try await values(expecting: "CASE WHEN x IS NOT NULL THEN \(family.expected) END")
        let plan = try family.isKey ? keyPlan(family.type) : bodyPlan(family.type)
        for row in rows where !family.isKey || row.expected != nil {
            let fromText = try document(of: row.text, plan)
            let fromBinary = try document(of: row.binary, plan)
            #expect(fromText == fromBinary, "\(family.testDescription): forms differ")
            let value = try #require(fromBinary[family.isKey ? "_id" : "x"])
            #expect((value.isNull ? nil : family.render(value)) == row.expected, "\(family.testDescription)")
        }
        try await checkKeys(family, rows.map(\.binary))
    }

    /// Values that PostgreSQL tells apart are apart as `_id`.
    private func checkKeys(_ family: OracleFamily, _ rows: [Row]) async throws {
        if !family.hasEquality { return }
        let plan = try keyPlan(family.type)
        let answer = try await connection.query("SELECT count(DISTINCT x) FROM oracle")
        let distinct = try #require(answer.scalar.flatMap { Int($0) })
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
        try await makeTable(family.setUp, family.sqlType, family.edges, family.random)
        let plan = try bodyPlan(family.type)
        var values: [String: BSONValue] = [:]
        for row in try await self.values(expecting: "n") {
            let fromText = try document(of: row.text, plan)
            let fromBinary = try document(of: row.binary, plan)
            #expect(fromText == fromBinary, "\(family.name): forms differ")
            values[try #require(row.expected)] = try #require(fromBinary["x"])
        }
        let wrong = try await OracleVerdict(connection: connection, relation: "oracle").wrong(family, values)
        #expect(wrong.isEmpty, "\(family.name)")
    }

    func makeTable(
        _ setUp: [String], _ sqlType: String, _ edges: [String], _ random: String
    ) async throws {
        for statement in setUp { try await connection.query(statement) }
        try await connection.query("CREATE TEMP TABLE oracle (n serial, x \(sqlType))")
        try await connection.query("SELECT setseed(0.5)")
        for edge in edges { try await connection.query("INSERT INTO oracle (x) VALUES (\(edge))") }
        try await connection.query(
            "INSERT INTO oracle (x) SELECT \(random) FROM generate_series(1, \(randomValues)) g")
    }

    /// All values, both as the output function and as the send function give them, and what SQL says of each.
    func values(expecting expected: String) async throws -> [(text: Row, binary: Row, expected: String?)] {
        let answer = try await connection.query(
            """
            SELECT typsend::regproc FROM pg_type JOIN pg_attribute ON atttypid = pg_type.oid
            WHERE attrelid = 'oracle'::regclass AND attname = 'x'
            """
        )
        let send = try #require(answer.scalar)
        // refcursor has the send function of text, and needs a cast to use it in SQL.
        let value = send == "textsend" ? "x::text" : "x"
        let rows = try await connection.query(
            "SELECT n, x, encode(\(send)(\(value)), 'hex'), \(expected) FROM oracle ORDER BY n"
        ).rows
        try #require(rows.count >= randomValues)
        return try rows.map { row in
            let bytes = try row[2].map { try hexadecimal($0) }
            let number: (Field.Kind, [UInt8]) = (.text, Array(try #require(row[0]).utf8))
            return (
                textRow([row[0], row[1]]), testRow([number, bytes.map { (.binary, $0) } ?? (.null, [])]), row[3]
            )
        }
    }

    func hexadecimal(_ text: String) throws -> [UInt8] {
        let digits = Array(text)
        return try stride(from: 0, to: digits.count, by: 2).map { index in
            try #require(UInt8(String(digits[index...index + 1]), radix: 16))
        }
    }

    private func bodyPlan(_ type: PostgresType) throws -> MappingPlan {
        try MappingPlan(schema: schema(type), collection: "oracle", keyColumns: ["n"])
    }

    func keyPlan(_ type: PostgresType) throws -> MappingPlan {
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
