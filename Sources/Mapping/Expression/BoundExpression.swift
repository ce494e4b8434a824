import BSON
import Model

/// An expression over one version of a table. A value without state: any number of threads may compute with it.
package struct BoundExpression: Sendable {
    let node: BoundNode
    let expressionType: ExpressionType
    /// The type of the result. A document holds it as it holds a column of that type.
    package let type: PostgresType
    /// For the server: `Expression.sql`.
    package let sql: String
    /// Indices into the table's columns of all that the expression names, whether its value depends on them or not.
    package let columns: [Int]
    /// Whether a row filter of a publication may hold it (PostgreSQL 15 or later): built-in types and immutable built-in
    /// functions alone. That its columns are within the replica identity is another matter.
    package let isFilterable: Bool
    /// Whether texts are put in order, which a server does by the bytes of its own encoding.
    let ordersText: Bool
    /// Whether there may be rows for which the server would end a query with an error.
    package var canFail: Bool { node.canFail }
    private let codec: ValueCodec

    init(
        node: BoundNode, expressionType: ExpressionType, type: PostgresType, sql: String, policies: ValuePolicies,
        columns: [Int], isFilterable: Bool, ordersText: Bool
    ) {
        self.node = node
        self.sql = sql
        self.expressionType = expressionType
        self.type = type
        self.columns = columns
        self.isFilterable = isFilterable
        self.ordersText = ordersText
        codec = ValueCodec(type, policies)
    }

    /// The value for a row. Throws `.notSent` where one of the columns is an unchanged TOAST value that `old`, a whole old
    /// row, doesn't have either, whether or not the value would depend on it; `.evaluation` where the server would end a
    /// query with an error.
    func evaluate(_ row: Row, old: Row? = nil) throws(ValueError) -> ExpressionValue {
        let row = ExpressionRow(row: row, old: old)
        try row.check(columns)
        return try row.evaluate(node)
    }

    /// Writes the value as a column of its type would be; null as null. Throws as `evaluate`, and what the type's codec
    /// throws.
    package func append(_ row: Row, old: Row? = nil, to writer: inout BSONWriter) throws(ValueError) {
        let value = try evaluate(row, old: old)
        if value == .null { return writer.putNull() }
        if case .bool(let value) = value { return writer.put(bool: value) }
        try codec.encode(text: value.serverText(expressionType), into: &writer)
    }

    /// Whether the row fulfils a condition: it doesn't where the value is false or null. Throws as `evaluate`.
    package func holds(_ row: Row, old: Row? = nil) throws(ValueError) -> Bool {
        try evaluate(row, old: old) == .bool(true)
    }
}

extension ValueCodec {
    fileprivate func encode(text bytes: [UInt8], into writer: inout BSONWriter) throws(ValueError) {
        try bytes.withUnsafeBufferPointer { bytes throws(ValueError) in
            try encode(UnsafeRawBufferPointer(bytes), isBinary: false, into: &writer)
        }
    }
}
