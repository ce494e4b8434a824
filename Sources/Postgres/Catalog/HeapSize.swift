/// Pages of the main forks of tables. Asking for them waits for a session that has a table locked for itself.
enum HeapSize {
    /// Of a row of `pg_class`; null for a table that is gone meanwhile.
    static let pages =
        "pg_catalog.pg_relation_size(oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8"

    static func query(_ oids: [UInt32]) -> String {
        let list = oids.map { "'\($0)'" }.joined(separator: ", ")
        return """
            SELECT oid, \(pages) AS pages
              FROM pg_catalog.pg_class WHERE oid = ANY (ARRAY[\(list)]::pg_catalog.oid[]) AND relkind = 'r'
            """
    }

    /// What `query` gives, by oid.
    static func read(_ answer: QueryResult) -> [UInt32: Int] {
        Dictionary(answer.records.compactMap { row in row.oid("oid").map { ($0, row.int("pages") ?? 0) } }) {
            first, _ in first
        }
    }
}
