import Model

/// SQL about keys that may have no row.
extension TableKey {
    /// The places of those keys of `part` that have no row, of a partitioned table in whatever leaf, and that fulfil
    /// the condition.
    func missing(
        _ keys: [[String]], _ part: Range<Int>, in table: TableSchema, where condition: RowCondition?
    ) throws -> String {
        let rows = try part.map { place in "(\(place), \(try literals(keys[place]).joined(separator: ", ")))" }
        let names = columns.indices.map { "c\($0)" }
        let equal = zip(columns, names).map { "t.\($0.name) OPERATOR(\($0.operatorSchema).=) k.\($1)" }
        let judged = condition.map {
            "AND EXISTS (SELECT FROM \(keyOnly(names.map { "k.\($0)" }, of: table)) WHERE \($0.sql))"
        }
        return """
            SELECT k.place FROM (VALUES \(rows.joined(separator: ", "))) AS k (place, \(names.joined(separator: ", ")))
             WHERE NOT EXISTS (SELECT FROM \(table.name.quoted) AS t WHERE \(equal.joined(separator: " AND ")))
             \(judged ?? "")
            """
    }

    /// Parses only if the condition needs no column beyond the key: the table there has no others. EXPLAIN runs
    /// nothing.
    func judging(_ condition: RowCondition, of table: TableSchema) -> String {
        let row = keyOnly(columns.map { "NULL::\($0.type)" }, of: table)
        return "EXPLAIN SELECT $1::pg_catalog.text FROM \(row) WHERE \(condition.sql)"
    }

    /// A FROM item with the table's name, and of its columns those of the key.
    private func keyOnly(_ values: [String], of table: TableSchema) -> String {
        let list = zip(columns, values).map { "\($1)\($0.collation) AS \($0.name)" }
        return "(SELECT \(list.joined(separator: ", "))) AS \(quoteIdentifier(table.name.name))"
    }
}
