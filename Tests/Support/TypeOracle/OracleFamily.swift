import BSON
import Model
import Testing

/// A type, values of it, and what PostgreSQL itself says they are.
package struct OracleFamily: Sendable, CustomTestStringConvertible {
    package let name: String
    package let type: PostgresType
    /// SQL name of the type.
    package let sqlType: String
    /// Run before anything else, for types that have to be made.
    package var setUp: [String] = []
    /// SQL literals, quoted where needed.
    package let edges: [String]
    /// An expression over `g` (1, 2, 3, …) and `random()`.
    package let random: String
    /// An expression over `x` that gives the text `render` gives for the right value.
    package let expected: String
    package let render: @Sendable (BSONValue) -> String
    /// Whether the value is looked at as the `_id` instead of as a field.
    package var isKey = false
    /// One that a key could use.
    package var hasEquality = true

    /// Of an extension that several tests make at once, in the database they share.
    static func makeExtension(_ name: String) -> String {
        """
        DO $$ BEGIN PERFORM pg_advisory_xact_lock(1); CREATE EXTENSION IF NOT EXISTS \(name) SCHEMA public; END $$
        """
    }

    /// Its own types made in a schema, to last beyond a session, in place of the temporary one.
    package func within(_ schema: String) -> OracleFamily {
        func moved(_ text: String) -> String { text.replacing("pg_temp.", with: "\(schema).") }
        return OracleFamily(
            name: name, type: type, sqlType: moved(sqlType), setUp: setUp.map(moved), edges: edges.map(moved),
            random: moved(random), expected: moved(expected), render: render, isKey: isKey, hasEquality: hasEquality)
    }

    package var testDescription: String { isKey ? "\(name) in a key" : name }
}

/// The text by which values are compared, with the BSON type in front where several are possible.
package enum OracleText {
    @Sendable static func number(_ value: BSONValue) -> String {
        switch value {
        case .int32(let value): "i:\(value)"
        case .int64(let value): "l:\(value)"
        default: other(value)
        }
    }

    @Sendable static func bits(_ value: BSONValue) -> String {
        guard case .double(let value) = value else { return other(value) }
        let digits = String(value.bitPattern, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Sendable static func decimal(_ value: BSONValue) -> String {
        guard case .decimal128(let value) = value else { return other(value) }
        return "d:" + plain(value)
    }

    @Sendable static func bytes(_ value: BSONValue) -> String {
        guard case .binary(let subtype, let bytes) = value else { return other(value) }
        return "\(subtype):" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Sendable static func date(_ value: BSONValue) -> String {
        guard case .date(let milliseconds) = value else { return other(value) }
        return "m:\(milliseconds)"
    }

    @Sendable static func other(_ value: BSONValue) -> String {
        switch value {
        case .string(let text): "s:" + text
        case .bool(let value): "\(value)"
        default: value.debugDescription
        }
    }

    /// Without an exponent, all zeros kept, as `numeric_out` writes.
    package static func plain(_ value: Decimal128) -> String {
        guard let (coefficient, exponent) = value.components, exponent <= 0 else { return value.description }
        let digits = String(coefficient)
        let padded = String(repeating: "0", count: max(0, 1 - exponent - digits.count)) + digits
        let sign = value.isNegative ? "-" : ""
        return exponent == 0 ? sign + padded : "\(sign)\(padded.dropLast(-exponent)).\(padded.suffix(-exponent))"
    }
}
