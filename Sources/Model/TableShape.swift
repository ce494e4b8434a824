/// What decides the documents of a table, as the catalogue shows it. Kept in the state, to notice that it has changed.
package struct TableShape: Hashable, Sendable {
    /// `pg_class.oid`. It survives renames.
    package let oid: UInt32
    /// In the order of the table; dropped and generated columns are not among them.
    package let columns: [Column]

    package struct Column: Hashable, Sendable {
        /// `pg_attribute.attnum`: it survives a new name, and no column after this one gets it.
        package let number: Int
        package let name: String
        /// `PostgresType.form`
        package let type: String
        /// `pg_attribute.atttypmod`, length or precision; -1 without.
        package let modifier: Int32

        package init(number: Int, name: String, type: String, modifier: Int32) {
            self.number = number
            self.name = name
            self.type = type
            self.modifier = modifier
        }
    }

    package init(oid: UInt32, columns: [Column]) {
        self.oid = oid
        self.columns = columns
    }

    /// What has happened since `before`, in words for an operator: `column city was added`. Empty when every row's
    /// document is the same as it was.
    package func changes(since before: TableShape) -> [String] {
        guard oid == before.oid else { return ["the table was made anew"] }
        let old = Dictionary(before.columns.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        let numbers = Set(columns.map(\.number))
        return columns.flatMap { column in
            old[column.number].map { column.changes(since: $0) } ?? ["column \(column.name) was added"]
        }
            + before.columns.filter { !numbers.contains($0.number) }.map { "column \($0.name) was dropped" }
    }

    /// Whether the stream announces both alike: it says nothing of numbers, lengths and precisions.
    package func isAnnounced(like other: TableShape) -> Bool {
        columns.map(\.name) == other.columns.map(\.name) && columns.map(\.plainType) == other.columns.map(\.plainType)
    }

    /// Whether a version of the table as the stream announces it has these columns, as far as the stream tells.
    package func agrees(with schema: TableSchema) -> Bool {
        columns.map(\.name) == schema.columns.map(\.name)
            && columns.map(\.plainType) == schema.columns.map { Column.plain($0.type.form) }
    }
}

extension TableShape.Column {
    fileprivate func changes(since before: TableShape.Column) -> [String] {
        var words: [String] = []
        if name != before.name { words.append("column \(before.name) is called \(name)") }
        if plainType != before.plainType {
            words.append("column \(name) is \(type), and was \(before.type)")
        } else if modifier != before.modifier || type != before.type, !holdsAll(of: before) {
            words.append("column \(name) has another length or precision")
        }
        return words
    }

    /// Text that is only allowed to be longer is the same text: PostgreSQL doesn't rewrite the table either.
    private func holdsAll(of before: TableShape.Column) -> Bool { plainType == "text" && limit >= before.limit }

    private var limit: Int32 { type == "text" || modifier < 0 ? .max : modifier }

    fileprivate var plainType: String { TableShape.Column.plain(type) }

    /// Both become the same string.
    fileprivate static func plain(_ type: String) -> String { type == "character varying" ? "text" : type }
}

extension PostgresType {
    /// The name, and of what is or holds a row type its attributes: two types of one form make the same documents.
    package var form: String {
        switch shape {
        case .composite(let attributes):
            "\(name)(\(attributes.map { "\($0.name) \($0.type.form)" }.joined(separator: ", ")))"
        case .array(let part, _), .domain(let part), .range(let part), .multirange(let part):
            part.form == part.name ? name : "\(name) of \(part.form)"
        case .base, .enum, .extended, .other: name
        }
    }
}
