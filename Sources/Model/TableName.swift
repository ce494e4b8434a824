/// A table's schema and name, exactly as in the catalogue (never quoted, never folded).
package struct TableName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let schema: String
    package let name: String

    package init(schema: String, name: String) {
        self.schema = schema
        self.name = name
    }

    /// For people: `public.orders`. Not SQL; use `quoted` there.
    package var description: String { "\(schema).\(name)" }

    /// For SQL: `"public"."orders"`, safe for any name.
    package var quoted: String { quoteIdentifier(schema) + "." + quoteIdentifier(name) }

    /// The collection a table goes to when no mapping says otherwise: `public.x` is `x`, any other schema `schema_x`.
    package var defaultCollection: String { schema == "public" ? name : "\(schema)_\(name)" }

    package static func < (left: TableName, right: TableName) -> Bool {
        (left.schema, left.name) < (right.schema, right.name)
    }
}

/// An SQL identifier in double quotes, inner quotes doubled.
package func quoteIdentifier(_ name: String) -> String { quoteText(name, by: "\"", inside: "\"\"") }

/// An SQL string literal. Sessions pin `standard_conforming_strings = on`, so only quotes need doubling.
package func quoteLiteral(_ text: String) -> String { quoteText(text, by: "'", inside: "''") }

/// A text in quotes, with something else in the place of each quote inside. By scalars, as everybody else reads it: a
/// quote with an accent behind it is one `Character`, and no quote to Swift.
package func quoteText(_ text: String, by quote: Unicode.Scalar, inside: String) -> String {
    var result = String.UnicodeScalarView()
    result.append(quote)
    for scalar in text.unicodeScalars {
        if scalar == quote { result.append(contentsOf: inside.unicodeScalars) } else { result.append(scalar) }
    }
    result.append(quote)
    return String(result)
}
