import Model

/// A table as people write it: `public.audit`, or with quotes where a name holds a dot: `"my.schema".audit`. Upper and
/// lower case are kept as they are.
enum TableNameText {
    /// nil when it is not exactly a schema and a name. By scalars: a quote with an accent behind it is a quote.
    static func parse(_ text: String) -> TableName? {
        var rest = text.unicodeScalars[...]
        guard let schema = part(&rest), rest.popFirst() == ".", let name = part(&rest), rest.isEmpty else { return nil }
        return TableName(schema: schema, name: name)
    }

    /// As `parse`, of an argument.
    ///
    /// - Throws: `Failure(.usage)`.
    static func required(_ text: String) throws -> TableName {
        guard let name = parse(text) else {
            throw Failure(
                .usage, "'\(text)' is no schema.table",
                hint: "Name the table as the catalogue does, like public.orders; a name with a dot in double quotes.")
        }
        return name
    }

    /// A table in the form that `parse` reads.
    static func text(_ table: TableName) -> String {
        [table.schema, table.name].map { name in
            name.unicodeScalars.contains { $0 == "." || $0 == "\"" } || name.isEmpty ? quoteIdentifier(name) : name
        }.joined(separator: ".")
    }

    /// The names of a list, at its commas outside of quotes, without spaces around them.
    static func split(_ list: String) -> [String] {
        var isQuoted = false
        let names = list.unicodeScalars.split(omittingEmptySubsequences: false) { scalar in
            if scalar == "\"" { isQuoted.toggle() }
            return scalar == "," && !isQuoted
        }
        return names.map { name in
            String(String(name).drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        }
    }

    private static func part(_ rest: inout Substring.UnicodeScalarView) -> String? {
        guard rest.first == "\"" else {
            let word = rest.prefix { $0 != "." && $0 != "\"" }
            rest = rest[word.endIndex...]
            return word.isEmpty ? nil : String(word)
        }
        rest.removeFirst()
        var name = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            guard scalar == "\"" else {
                name.append(scalar)
                continue
            }
            guard rest.first == "\"" else { return name.isEmpty ? nil : String(name) }
            name.append("\"")
            rest.removeFirst()
        }
        return nil
    }
}
