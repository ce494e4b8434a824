import Model

/// A table's primary key as SQL needs it: no name depends on the search path, which is empty.
struct TableKey: Hashable, Sendable {
    struct Column: Hashable, Sendable {
        /// Quoted.
        let name: String
        /// SQL of the type without modifier (`bpchar`, never `character`, which would cut values to one character); of
        /// a domain the type below it.
        let type: String
        /// ` COLLATE …`, or nothing.
        let collation: String
        /// Quoted. Where the index' operators live: of citext in its extension's schema.
        let operatorSchema: String
    }

    let columns: [Column]

    /// Asks for the primary key of a table: the answer is for `init`.
    static func query(_ table: TableSchema) -> String {
        """
        SELECT a.attname AS name,
               pg_catalog.format_type((
                   WITH RECURSIVE base AS (
                       SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
                       UNION ALL
                       SELECT t.oid, t.typtype, t.typbasetype
                         FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typbasetype WHERE base.typtype = 'd')
                   SELECT base.oid FROM base WHERE base.typtype <> 'd'), -1) AS type,
               pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(c.collname) AS collation,
               pg_catalog.quote_ident(n.nspname) AS operator_schema
          FROM pg_catalog.pg_index i
         CROSS JOIN LATERAL ROWS FROM (
               pg_catalog.unnest(i.indkey::pg_catalog.int2[]), pg_catalog.unnest(i.indclass::pg_catalog.oid[]))
               WITH ORDINALITY AS k (attnum, opclass, position)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
          JOIN pg_catalog.pg_opclass oc ON oc.oid = k.opclass
          JOIN pg_catalog.pg_amop m ON m.amopfamily = oc.opcfamily AND m.amopstrategy = 5
               AND m.amoplefttype = oc.opcintype AND m.amoprighttype = oc.opcintype
          JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
          JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
          LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
          LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace
         WHERE i.indrelid = \(table.oid) AND i.indisprimary
         ORDER BY k.position
        """
    }

    /// - Parameter key: The columns' names, as the caller has them.
    /// - Throws: `Failure` of kind `.copyInterrupted` when the table has another primary key, or none.
    init(_ answer: QueryResult, key: [String], of table: TableName) throws {
        let records = answer.records
        columns = records.map {
            Column(
                name: quoteIdentifier($0.text("name")), type: $0.text("type"),
                collation: $0["collation"].map { " COLLATE \($0)" } ?? "", operatorSchema: $0.text("operator_schema"))
        }
        guard !key.isEmpty, records.map({ $0.text("name") }) == key else {
            throw Failure(
                .copyInterrupted, "table \(table) has no primary key (\(key.joined(separator: ", "))) any more",
                hint: "A backfill reads along the primary key: it has to be read again, by the key the table has now.")
        }
    }

    /// The columns' names, for a SELECT's list or ORDER BY.
    var names: String { columns.map(\.name).joined(separator: ", ") }

    /// The columns' output functions' text, for a SELECT's list.
    var texts: String { columns.map { CopyStatement.outputText($0.name) }.joined(separator: ", ") }
}

/// Conditions that an index over the key can serve.
extension TableKey {
    /// - Throws: `Failure` of kind `.unexpected` for a bound that can't be one of this key.
    func conditions(_ range: KeyRange) throws -> [String] {
        [
            try range.after.map { try comparison(">", $0) },
            try range.through.map { try comparison("<=", $0) },
        ].compactMap { $0 }
    }

    /// Compares as many columns as there are values: as a row, or column by column where the operators live in several
    /// schemas, because a row comparison has one name for them all.
    private func comparison(_ sign: String, _ values: [String]) throws -> String {
        let pairs = try pairs(values)
        guard let schema = pairs.first?.column.operatorSchema else { return "true" }
        guard pairs.allSatisfy({ $0.column.operatorSchema == schema }) else {
            return columnwise(sign, pairs[...])
        }
        let left = pairs.map(\.column.name).joined(separator: ", ")
        let right = pairs.map(\.value).joined(separator: ", ")
        return "(\(left)) OPERATOR(\(schema).\(sign)) (\(right))"
    }

    private typealias Pair = (column: Column, value: String)

    private func pairs(_ values: [String]) throws -> [Pair] {
        guard !values.isEmpty, values.count <= columns.count else {
            throw Failure(.unexpected, "a bound of \(values.count) values for a key of \(columns.count) columns")
        }
        return zip(columns, values).map { ($0, "\(quoteLiteral($1))::\($0.type)") }
    }

    /// A whole key's values as SQL.
    func literals(_ key: [String]) throws -> [String] { try pairs(key).map(\.value) }

    /// `a > x` for the last column, else `a >= x AND (a > x OR …)`: the first part is what the index can use.
    private func columnwise(_ sign: String, _ pairs: ArraySlice<Pair>) -> String {
        let (column, value) = pairs[pairs.startIndex]
        func compare(_ sign: some StringProtocol) -> String {
            "\(column.name) OPERATOR(\(column.operatorSchema).\(sign)) \(value)"
        }
        guard pairs.count > 1 else { return compare(sign) }
        let rest = columnwise(sign, pairs.dropFirst())
        return "(\(compare(sign.prefix(1) + "=")) AND (\(compare(sign.prefix(1))) OR (\(rest))))"
    }

    /// A condition for the rows of a FROM item `t` whose keys are among these; keys that mean the same count once.
    func isAmong(_ keys: [[String]]) throws -> String {
        guard !keys.isEmpty else { return "false" }
        let rows = try keys.map { key in
            guard key.count == columns.count else {
                throw Failure(.unexpected, "a key of \(key.count) values for a key of \(columns.count) columns")
            }
            return "(\(try literals(key).joined(separator: ", ")))"
        }
        let names = columns.indices.map { "c\($0)" }
        let equal = zip(columns, names).map { "t.\($0.name) OPERATOR(\($0.operatorSchema).=) k.\($1)" }
        return "EXISTS (SELECT FROM (VALUES \(rows.joined(separator: ", "))) AS k (\(names.joined(separator: ", "))) "
            + "WHERE \(equal.joined(separator: " AND ")))"
    }
}
