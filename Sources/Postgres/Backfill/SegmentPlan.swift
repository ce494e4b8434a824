import Model

/// How a table is divided into ranges of its key.
package enum SegmentPlan {
    /// Ranges a table, at most.
    static let maxRanges = 100
    static let maxSampledRanges = 50
    /// Pages read for a sample, about.
    static let sampledPages = 200

    /// The table's size: `pages` as they are now, `rows` and `pages_then` as they were when somebody counted (-1 or 0
    /// when nobody has).
    static func size(_ table: TableSchema) -> String {
        """
        SELECT reltuples::pg_catalog.int8 AS rows, relpages AS pages_then, \(HeapSize.pages) AS pages
          FROM pg_catalog.pg_class WHERE oid = \(table.oid)
        """
    }

    /// As the planner does it: the density of then times the pages of now. Uncounted rows are taken for small ones.
    static func estimatedRows(rows: Int, pagesThen: Int, pages: Int) -> Int {
        let density = rows > 0 && pagesThen > 0 ? Double(rows) / Double(pagesThen) : 50
        return Int(density * Double(max(0, pages)))
    }

    /// Whether the table was less than half as large when somebody counted: a histogram of then says nothing of most
    /// rows.
    static func isStale(pagesThen: Int, pages: Int) -> Bool { pages > 2 * max(pagesThen, 0) }

    /// How many of a table's ranges each of its leaves may have: by its share of the pages, and one at least.
    package static func shares(ofPages pages: [Int]) -> [Int] {
        let all = max(1, pages.reduce(0, +))
        return pages.map { max(1, maxRanges * $0 / all) }
    }

    /// How many ranges a table of so many rows is worth.
    static func rangeCount(estimatedRows: Int, rowsPerRange: Int) -> Int {
        min(maxRanges, max(1, estimatedRows / max(1, rowsPerRange)))
    }

    /// The bounds in pg_stats' histogram of the key's first column, ascending and without repetition by the column's
    /// own order: no row when there is no histogram, or when it isn't for this role's eyes.
    static func histogram(_ table: TableSchema, _ column: TableKey.Column, name: String) -> String {
        // anyarray can't be unnested; each value's text is read on its own, so that arrays do too.
        """
        SELECT \(CopyStatement.outputText("bound")) FROM (
            SELECT DISTINCT value::\(column.type)\(column.collation) AS bound
              FROM pg_catalog.pg_stats s,
                   pg_catalog.unnest(s.histogram_bounds::pg_catalog.text::pg_catalog.text[]) AS h (value)
             WHERE s.schemaname = \(quoteLiteral(table.name.schema)) AND s.tablename = \(quoteLiteral(table.name.name))
               AND s.attname = \(quoteLiteral(name)) AND NOT s.inherited) AS bounds
         ORDER BY bound\(column.collation)
        """
    }

    /// A histogram's first and last bound are the least and the greatest value: what is between them divides.
    static func inner(_ histogram: [String]) -> [String] { Array(histogram.dropFirst().dropLast()) }

    /// Whole keys of a few rows in order, `ranges - 1` of them or fewer.
    static func sample(_ table: TableSchema, _ key: TableKey, pages: Int, ranges: Int) -> String {
        let names = key.columns.indices.map { "c\($0)" }
        let percent = min(100, 100 * Double(sampledPages) / Double(max(1, pages)))
        return """
            WITH sample (\(names.joined(separator: ", "))) AS MATERIALIZED (
                SELECT \(key.names) FROM ONLY \(table.name.quoted) TABLESAMPLE SYSTEM (\(percent))),
            numbered AS (
                SELECT *, pg_catalog.row_number() OVER (ORDER BY \(names.joined(separator: ", "))) AS number,
                       pg_catalog.count(*) OVER () AS total FROM sample)
            SELECT \(names.map { CopyStatement.outputText($0) }.joined(separator: ", ")) FROM numbered
             WHERE number * \(ranges) / total > (number - 1) * \(ranges) / total AND number < total
             ORDER BY number
            """
    }

    /// `count - 1` of the bounds, or all, evenly chosen.
    static func thinned(_ bounds: [[String]], ranges count: Int) -> [[String]] {
        guard bounds.count >= count else { return bounds }
        return (1..<max(1, count)).map { bounds[$0 * (bounds.count + 1) / count - 1] }
    }

    /// The ranges between bounds that ascend: one more than there are bounds.
    static func ranges(_ bounds: [[String]]) -> [KeyRange] {
        let ends = [nil] + bounds.map { Optional($0) } + [nil]
        return zip(ends, ends.dropFirst()).map { KeyRange(after: $0, through: $1) }
    }
}
