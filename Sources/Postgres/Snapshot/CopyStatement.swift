import Model

/// The COPY of one range.
enum CopyStatement {
    /// - Parameter isText: Parallel to the columns: which ones are to come as the output function's text.
    static func text(_ range: CopyRange, isText: [Bool]) -> String {
        let table = range.table.schema
        let columns = zip(table.columns, isText).map { column, isText in
            let name = quoteIdentifier(column.name)
            // Not `::text`, which some types (inet, bpchar, bool) answer with something else than their output
            // function. format('%s') turns NULL into an empty text, and IS NULL is true for a row of nulls.
            return isText
                ? "CASE WHEN \(name) IS NOT DISTINCT FROM NULL THEN NULL ELSE pg_catalog.format('%s', \(name)) END"
                : name
        }
        var conditions: [String] = []
        if let first = range.firstPage { conditions.append("ctid >= '(\(first),0)'::pg_catalog.tid") }
        if let end = range.endPage { conditions.append("ctid < '(\(end),0)'::pg_catalog.tid") }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return "COPY (SELECT \(columns.joined(separator: ", ")) FROM ONLY \(table.name.quoted)\(condition)) "
            + "TO STDOUT (FORMAT binary)"
    }
}
