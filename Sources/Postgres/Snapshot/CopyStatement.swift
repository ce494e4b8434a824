import Model

/// The SQL of a copy.
enum CopyStatement {
    /// The COPY of one range of pages.
    ///
    /// - Parameters:
    ///   - withCondition: whether the range's condition is asked here.
    ///   - isText: Parallel to the columns: which ones are to come as the output function's text.
    static func text(_ range: CopyRange, withCondition: Bool, isText: [Bool]) -> String {
        let table = range.table.schema.part(range.leaf)
        var conditions: [String] = []
        if let first = range.firstPage { conditions.append("ctid >= '(\(first),0)'::pg_catalog.tid") }
        if let end = range.endPage { conditions.append("ctid < '(\(end),0)'::pg_catalog.tid") }
        if withCondition, let condition = range.condition { conditions.append("(\(condition))") }
        return text("SELECT \(columns(table, isText: isText)) FROM ONLY \(table.name.quoted)\(filter(conditions))")
    }

    static func text(_ query: String) -> String { "COPY (\(query)) TO STDOUT (FORMAT binary)" }

    /// ` WHERE …`, or nothing.
    static func filter(_ conditions: [String]) -> String {
        conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    }

    static func columns(_ table: TableSchema, isText: [Bool]) -> String {
        zip(table.columns, isText).map { column, isText in
            let name = quoteIdentifier(column.name)
            // format('%s') turns NULL into an empty text, and IS NULL is true for a row of nulls.
            return isText
                ? "CASE WHEN \(name) IS NOT DISTINCT FROM NULL THEN NULL ELSE \(outputText(name)) END" : name
        }.joined(separator: ", ")
    }

    /// A value's text by its output function. Not `::text`, which some types (inet, bpchar, bool) answer with something
    /// else.
    ///
    /// - Parameter value: SQL, of a value that isn't null.
    static func outputText(_ value: String) -> String { "pg_catalog.format('%s', \(value))" }
}
