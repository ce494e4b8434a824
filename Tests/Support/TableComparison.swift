import BSON
import Model
import Postgres

/// Reads every table of the schema public as text, makes the documents it should have become by `ExpectedValue`, and
/// compares with those that are there: names and types of all fields, and no document too many.
struct TableComparison {
    let fixture: PipelineFixture
    /// The collection that all tables go into, with their names as `kind`; nil when each has one of its own.
    var shared: String?

    private struct Column {
        let name: String
        let type: String
        let keyPosition: Int?
    }

    /// Differences in words: keys and column names.
    func run(excluding: Set<String>) async throws -> [String] {
        let names = try await fixture.sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
                + "AND NOT relispartition ORDER BY 1"
        ).rows.compactMap { $0[0] }
        var differences: [String] = []
        for name in names where !excluding.contains(name) { differences += try await compare(name) }
        if let shared {
            let strangers: BSONDocument = ["kind": ["$nin": .array(names.map { .string($0) })]]
            differences += try await fixture.inspector.documents(shared, filter: strangers).map {
                "\(shared) \($0["_id"] ?? .null): a document of no table"
            }
        }
        return differences
    }

    private func compare(_ table: String) async throws -> [String] {
        let columns = try await columns(of: table)
        let expected = try await expectedDocuments(table, columns)
        var differences: [String] = []
        var seen: Set<BSONValue> = []
        for document in try await documents(of: table) {
            guard let id = document["_id"] else { continue }
            seen.insert(id)
            if let wanted = expected[id] {
                differences += difference(document, wanted).map { "\(table) \(id): \($0)" }
            } else {
                differences.append("\(table) \(id): a document without a row")
            }
        }
        differences += expected.keys.filter { !seen.contains($0) }.map { "\(table) \($0): a row without a document" }
        if differences.count > 20 { differences = differences.prefix(20) + ["… \(differences.count) differences"] }
        return differences
    }

    private func documents(of table: String) async throws -> [BSONDocument] {
        guard let shared else { return try await fixture.inspector.documents(table) }
        return try await fixture.inspector.documents(shared, filter: ["kind": .string(table)])
            .map { try withoutKind($0, table) }
    }

    /// As it would be in a collection of its own: `kind` is the first field, and the first one of `_id`.
    private func withoutKind(_ document: BSONDocument, _ table: String) throws -> BSONDocument {
        let fields = document.elements.map { ($0.name, $0.value) }
        guard let key = fields[0].1.asDocument?.elements, key.first?.name == "kind",
            key.first?.value == .string(table), fields[1].0 == "kind"
        else { throw TestFailure("a document of \(table) doesn't begin with its kind") }
        let own = key.dropFirst().map { ($0.name, $0.value) }
        let id = own.count == 1 ? own[0].1 : .document(BSONDocument(own))
        return BSONDocument([("_id", id)] + fields.dropFirst(2))
    }

    private func columns(of table: String) async throws -> [Column] {
        let rows = try await fixture.sql(
            """
            SELECT a.attname, format_type(a.atttypid, NULL), array_position(i.indkey::int2[], a.attnum)
            FROM pg_attribute a
            JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
            WHERE a.attrelid = ('public.' || quote_ident($1))::regclass AND a.attnum > 0 AND NOT a.attisdropped
              AND a.attgenerated = ''
            ORDER BY a.attnum
            """, [table]
        ).rows
        return try rows.map { row in
            guard let name = row[0], let type = row[1] else { throw TestFailure("a column without a name") }
            let bare = type.hasPrefix("public.") ? String(type.dropFirst(7)) : type
            return Column(name: name, type: bare, keyPosition: row[2].flatMap { Int($0) })
        }
    }

    private func expectedDocuments(_ table: String, _ columns: [Column]) async throws -> [BSONValue: [String:
        BSONValue]]
    {
        let list = columns.map { "\(quoteIdentifier($0.name))::text" }.joined(separator: ", ")
        let rows = try await fixture.sql("SELECT \(list) FROM public.\(quoteIdentifier(table))").rows
        var documents: [BSONValue: [String: BSONValue]] = [:]
        for row in rows {
            var body: [String: BSONValue] = [:]
            var key: [(position: Int, name: String, value: BSONValue)] = []
            for (column, text) in zip(columns, row) {
                let value = try ExpectedValue.make(text, type: column.type)
                if let position = column.keyPosition {
                    key.append((position, column.name, value))
                } else {
                    body[column.name] = value
                }
            }
            key.sort { $0.position < $1.position }
            let id = key.count == 1 ? key[0].value : .document(BSONDocument(key.map { ($0.name, $0.value) }))
            documents[id] = body
        }
        return documents
    }

    private func difference(_ document: BSONDocument, _ wanted: [String: BSONValue]) -> [String] {
        var result: [String] = []
        var missing = Set(wanted.keys)
        for (name, value) in document where name != "_id" {
            missing.remove(name)
            guard let expected = wanted[name] else {
                result.append("field \(name) should not be there")
                continue
            }
            // NaN isn't equal to itself.
            if case .double(let one) = expected, case .double(let other) = value, one.isNaN, other.isNaN { continue }
            if expected != value {
                let kind = expected.type == value.type ? "another value" : "\(value.type) instead of \(expected.type)"
                result.append("column \(name) has \(kind)")
            }
        }
        return result + missing.sorted().map { "field \($0) is missing" }
    }
}
