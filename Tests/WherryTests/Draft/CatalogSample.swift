import Model
import Postgres

@testable import WherryCommand

/// Tables as the catalogue shows them, made by hand.
enum CatalogSample {
    static let int4 = PostgresType(oid: 23, name: "integer", shape: .base)
    static let text = PostgresType(oid: 25, name: "text", shape: .base)
    static let bool = PostgresType(oid: 16, name: "boolean", shape: .base)
    static let timestamptz = PostgresType(oid: 1184, name: "timestamp with time zone", shape: .base)
    static let numeric = PostgresType(oid: 1700, name: "numeric", shape: .base)
    static let citext = PostgresType(oid: 20_000, name: "citext", shape: .extended(.citext))
    static let texts = PostgresType(oid: 1009, name: "text[]", shape: .array(element: text, delimiter: 0x2C))
    static let jsonb = PostgresType(oid: 3802, name: "jsonb", shape: .base)

    static func table(
        _ name: String, schema: String = "public", oid: UInt32 = 1, key: [String] = ["id"], nullable: Set<String> = [],
        rows: Int = 0, generated: [String] = [], refusal: String? = nil, _ columns: [(String, PostgresType)]
    ) -> DraftTable {
        DraftTable(
            schema: TableSchema(
                oid: oid, name: TableName(schema: schema, name: name),
                columns: columns.map { Column(name: $0.0, type: $0.1, isIdentity: key.contains($0.0)) },
                replicaIdentity: .primaryKey),
            primaryKey: key, nullableColumns: nullable, generatedColumns: generated, estimatedRows: rows,
            refusal: refusal)
    }

    static func index(
        _ name: String, _ columns: String?..., method: String = "btree", isUnique: Bool = false,
        nullsAreEqual: Bool = false, predicate: String? = nil, ignoresDifferences: Bool = false
    ) -> CatalogIndex {
        CatalogIndex(
            name: name, method: method, isUnique: isUnique, nullsAreEqual: nullsAreEqual, predicate: predicate,
            keys: columns.map { column in
                let isDescending = column?.hasPrefix("-") == true
                let name = isDescending ? column.map { String($0.dropFirst()) } : column
                return CatalogIndex.Key(
                    column: name, definition: name ?? "lower(email)", isDescending: isDescending,
                    ignoresDifferences: ignoresDifferences)
            })
    }

    static let people = table(
        "people", nullable: ["email", "nick", "deleted_at"],
        [
            ("id", int4), ("email", text), ("nick", citext), ("status", text), ("live", bool), ("tags", texts),
            ("more", texts), ("deleted_at", timestamptz), ("data", jsonb),
        ])
}
