import Model

/// What START_REPLICATION asks of wal2json (README and `pg_decode_startup` of 2.5).
package enum Wal2JSONOptions {
    /// Since 2.6. Without it NaN and the infinities come as null.
    static let numbersAsStrings = "numeric-data-types-as-string"

    /// - Parameters:
    ///   - excluded: tables whose changes are not wanted. Not those that are: a table that somebody renames has to show
    ///     up under its new name, as it does with pgoutput, and not to fall silent.
    package static func list(excluding excluded: [TableName], numbersAsStrings: Bool) -> [String] {
        var options = [
            ("format-version", "2"), ("include-xids", "1"), ("include-timestamp", "1"), ("include-lsn", "1"),
            // Names of types aren't always escaped; their oids need not be.
            ("include-types", "0"), ("include-type-oids", "1"),
            ("actions", "insert,update,delete,truncate"), ("add-msg-prefixes", "wherry,wherry.ddl"),
        ]
        if numbersAsStrings { options.append((self.numbersAsStrings, "1")) }
        if !excluded.isEmpty { options.append(("filter-tables", excluded.map(pattern).joined(separator: ","))) }
        return options.map { "\(quoteIdentifier($0)) \(quoteLiteral($1))" }
    }

    /// A table in one of wal2json's lists: names end at a comma, a dot or a space, `*` is any name, and a backslash
    /// takes what follows as it is (`string_to_SelectTable`, `parse_table_identifier`).
    package static func pattern(_ table: TableName) -> String { "\(escape(table.schema)).\(escape(table.name))" }

    private static func escape(_ name: String) -> String {
        // By scalars: a comma with an accent on it is one character.
        name.unicodeScalars.reduce(into: "") { text, scalar in
            let character = Character(scalar)
            let isPlain = !scalar.isASCII || character.isLetter || character.isNumber || scalar == "_"
            if !isPlain { text += "\\" }
            text.unicodeScalars.append(scalar)
        }
    }
}
