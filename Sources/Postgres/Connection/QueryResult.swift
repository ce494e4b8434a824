import Model

/// The rows of a query in text form.
package struct QueryResult: Sendable {
    package let columns: [String]
    /// One value a column; nil is NULL.
    package let rows: [[String?]]
    /// Whether all of them are UTF-8. In a database without an encoding they may be anything, and bytes that are none read
    /// as U+FFFD.
    package let isUTF8: Bool
    /// `INSERT 0 5`, `CREATE_REPLICATION_SLOT` and the like.
    package let commandTag: String

    package init(columns: [String], rows: [[String?]], isUTF8: Bool = true, commandTag: String = "") {
        self.columns = columns
        self.rows = rows
        self.isUTF8 = isUTF8
        self.commandTag = commandTag
    }

    /// The first column of the first row; nil when there is no row or the value is NULL.
    package var scalar: String? { rows.first?.first ?? nil }

    /// The rows with their columns by name.
    package var records: [Record] {
        let positions = Dictionary(columns.enumerated().map { ($1, $0) }) { first, _ in first }
        return rows.map { Record(positions: positions, values: $0) }
    }

    /// One row. Missing columns read as NULL.
    package struct Record: Sendable {
        let positions: [String: Int]
        let values: [String?]

        package subscript(_ column: String) -> String? {
            guard let position = positions[column], position < values.count else { return nil }
            return values[position]
        }

        package func text(_ column: String) -> String { self[column] ?? "" }
        package func int(_ column: String) -> Int? { self[column].flatMap { Int($0) } }
        package func bool(_ column: String) -> Bool { self[column] == "t" || self[column] == "on" }
        package func oid(_ column: String) -> UInt32? { self[column].flatMap { UInt32($0) } }
        package func lsn(_ column: String) -> LSN? { self[column].flatMap { LSN($0) } }
    }
}
