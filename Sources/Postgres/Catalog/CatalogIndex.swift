/// An index of the source as the catalogue shows it, but for those of primary keys.
package struct CatalogIndex: Hashable, Sendable {
    package struct Key: Hashable, Sendable {
        /// nil for an expression.
        package let column: String?
        /// As `CREATE INDEX` has it.
        package let definition: String
        package let isDescending: Bool
        /// Its collation takes values for equal that are not the same.
        package let ignoresDifferences: Bool

        package init(
            column: String?, definition: String, isDescending: Bool = false, ignoresDifferences: Bool = false
        ) {
            self.column = column
            self.definition = definition
            self.isDescending = isDescending
            self.ignoresDifferences = ignoresDifferences
        }
    }

    package let name: String
    /// `btree`, `hash`, `gin`, …
    package let method: String
    package let isUnique: Bool
    /// Two NULLs are a duplicate (`NULLS NOT DISTINCT`).
    package let nullsAreEqual: Bool
    /// Of a partial index, as `pg_get_expr` gives it.
    package let predicate: String?
    package let keys: [Key]

    package init(
        name: String, method: String = "btree", isUnique: Bool = false, nullsAreEqual: Bool = false,
        predicate: String? = nil, keys: [Key]
    ) {
        self.name = name
        self.method = method
        self.isUnique = isUnique
        self.nullsAreEqual = nullsAreEqual
        self.predicate = predicate
        self.keys = keys
    }

    /// By the table's oid, each table's by name, from the answer of `list_indexes.sql`.
    static func all(_ answer: QueryResult) -> [UInt32: [CatalogIndex]] {
        var indexes: [UInt32: [CatalogIndex]] = [:]
        for (table, rows) in Dictionary(grouping: answer.records, by: { $0.oid("table_oid") ?? 0 }) {
            indexes[table] = Dictionary(grouping: rows) { $0.text("index_name") }.compactMap { name, rows in
                rows.first.map { first in
                    CatalogIndex(
                        name: name, method: first.text("method"), isUnique: first.bool("is_unique"),
                        nullsAreEqual: first.bool("nulls_are_equal"), predicate: first["predicate"],
                        keys: rows.map {
                            Key(
                                column: $0["column_name"], definition: $0.text("definition"),
                                isDescending: $0.bool("is_descending"),
                                ignoresDifferences: $0.bool("ignores_differences"))
                        })
                }
            }.sorted { $0.name < $1.name }
        }
        return indexes
    }
}
