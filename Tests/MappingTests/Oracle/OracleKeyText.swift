import BSON
import Mapping
import Model
import Postgres
import TestSupport
import Testing

/// Keys back to text: the server says whether they are what they were made from.
extension OracleCheck {
    /// From both forms of every value.
    func checkKeyText(_ family: OracleFamily) async throws {
        try await makeTable(family.setUp, family.sqlType, family.edges, family.random)
        let plan = try keyPlan(family.type)
        var tuples: [String] = []
        for row in try await values(expecting: "n") where row.text.fields[1].kind != .null {
            let text = try #require(plan.keyText(of: id(of: row.text, plan)), "\(family.name): no text")
            if MappingPlan.hasBinaryCodec(family.type) {
                #expect(plan.keyText(of: try id(of: row.binary, plan)) == [text[0]], "\(family.name): forms differ")
            }
            tuples.append("(\(try #require(row.expected)), \(quoteLiteral(text[0])))")
        }
        try #require(tuples.count > randomValues / 2)
        let column = try await connection.query(
            """
            SELECT format_type(atttypid, -1), typsend::regproc FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
            WHERE attrelid = 'oracle'::regclass AND attname = 'x'
            """)
        let type = try #require(column.rows[0][0])
        let send = try #require(column.rows[0][1])
        let different = try await connection.query(
            """
            SELECT n, x, t FROM oracle JOIN (VALUES \(tuples.joined(separator: ","))) v(n, t) USING (n)
            WHERE (x = t::\(type)) IS NOT TRUE OR \(send)(x) <> \(send)(t::\(type))
            """)
        #expect(different.rows.isEmpty, "\(family.name): \(different.rows.first ?? [])")
    }

    /// The key's order is not the table's.
    func checkCompositeKeyText() async throws {
        let columns = OracleFamily.compositeColumns
        let definitions = columns.map { "\($0.name) \($0.sqlType)" }.joined(separator: ",")
        try await connection.query("CREATE TEMP TABLE composite (\(definitions))")
        try await connection.query(
            "INSERT INTO composite SELECT \(columns.map(\.random).joined(separator: ",")) FROM generate_series(1, 300) g"
        )
        let key = Array(columns.reversed())
        let plan = try MappingPlan(
            schema: testTable(columns.map { ($0.name, $0.type) }), collection: "c", keyColumns: key.map(\.name))
        let texts = columns.map(\.name).joined(separator: ",")
        let bytes = columns.map { "encode(\($0.send)(\($0.name)), 'hex')" }.joined(separator: ",")
        let answer = try await connection.query("SELECT \(texts), \(bytes) FROM composite")
        var tuples: [String] = []
        for row in answer.rows {
            let binary = try row[columns.count...].map { (Field.Kind.binary, try hexadecimal(try #require($0))) }
            let text = try #require(plan.keyText(of: id(of: textRow(Array(row[..<columns.count])), plan)))
            #expect(plan.keyText(of: try id(of: testRow(binary), plan)) == text)
            let casts = zip(text, key).map { "\(quoteLiteral($0))::\($1.sqlType)" }
            tuples.append("(\(casts.joined(separator: ",")))")
        }
        let found = try await connection.query(
            """
            SELECT count(*) FROM composite
            WHERE (\(key.map(\.name).joined(separator: ","))) IN (VALUES \(tuples.joined(separator: ",")))
            """)
        #expect(found.scalar == "300")
    }

    /// Values that others may have written.
    func checkForeignKeyText(_ family: OracleFamily) async throws {
        var random = SeededGenerator(seed: UInt64(family.type.oid))
        let plan = try keyPlan(family.type)
        var ids: [BSONValue] = []
        var texts: [String] = []
        for _ in 0..<2000 {
            let id = ForeignKey.value(&random)
            guard let text = plan.keyText(of: id) else { continue }
            ids.append(id)
            texts.append(text[0])
        }
        try #require(!ids.isEmpty && ids.count < 2000)
        let tuples = texts.map { "(\(quoteLiteral($0)))" }.joined(separator: ",")
        // The first column stands for n; row_number keeps the order.
        let rows = try await connection.query(
            """
            SELECT row_number() OVER () AS n, t::\(family.sqlType) FROM (VALUES \(tuples)) v(t) ORDER BY n
            """
        ).rows
        for (id, row) in zip(ids, rows) {
            let written = try self.id(of: textRow(row), plan)
            if id.isNumber {
                #expect(plan.keyText(of: written) == plan.keyText(of: id), "\(family.name): \(id)")
            } else {
                #expect(written == id, "\(family.name)")
            }
        }
    }

    private func id(of row: Row, _ plan: MappingPlan) throws -> BSONValue {
        var writer = BSONWriter()
        let range = try plan.encodeKey(row, into: &writer)
        return try #require(try BSONDocument(validating: writer.bytes(in: range))["_id"])
    }
}

extension BSONValue {
    fileprivate var isNumber: Bool { [.int32, .int64, .double, .decimal128].contains(type) }
}

extension OracleCheck {
    /// Types of which the documentation says that a key's digest can be looked for at the server.
    static let digested: Set = ["bool", "int2", "int4", "int8", "oid", "text", "varchar", "bytea", "uuid", "date"]

    /// The digest in a message is what the query in the documentation computes.
    func checkDigests(_ family: OracleFamily) async throws {
        try await makeTable(family.setUp, family.sqlType, family.edges, family.random)
        let plan = try keyPlan(family.type)
        for row in try await values(
            expecting: "left(encode(sha256(convert_to(concat_ws(',', x), 'UTF8')), 'hex'), 16)")
        where row.binary.fields[1].kind != .null {
            let digest = plan.key(of: row.binary).flatMap { keyDigest(of: $0) }
            #expect(digest == row.expected, "\(family.name)")
        }
    }
}
