import Model

/// A function of a row's columns, as an operator writes it: a subset of PostgreSQL's value expressions with PostgreSQL's
/// results, so that the server can be asked the same (docs/mapping.md, "Expressions"). Nothing in it depends on time,
/// session settings or collations.
package struct Expression: Hashable, Sendable {
    /// As it was written.
    package let text: String
    /// The names of the columns, in the order in which they appear, each once.
    package let columns: [String]
    /// For the server: means the same, with every column quoted. Put parentheses around it.
    package let sql: String

    /// Throws what is wrong with the text itself; at most 10,000 bytes and 100 levels are taken.
    package init(parsing text: String) throws(ExpressionError) {
        var parser = try ExpressionParser(text)
        _ = try parser.whole()
        self.text = text
        var columns: [String] = []
        var words = parser.tokens.map(\.sql)
        for index in parser.columns {
            guard let name = parser.tokens[index].name else { continue }
            words[index] = quoteIdentifier(name)
            if !columns.contains(name) { columns.append(name) }
        }
        self.columns = columns
        sql = words.dropLast().joined(separator: " ")
    }

    /// The expression over one version of a table. Throws for columns it doesn't have, operands that don't fit, and values
    /// that no document can hold.
    ///
    /// - Parameter policies: of the value that it gives.
    package func bound(
        to schema: TableSchema, policies: ValuePolicies = ValuePolicies()
    ) throws(ExpressionError) -> BoundExpression {
        try bound(to: schema, policies) { binder, syntax throws(ExpressionError) in
            let typed = try binder.bind(syntax)
            if typed.type == .unknown { return (try binder.coerce(typed, to: .text, syntax), .text) }
            return (typed.node, typed.type)
        }
    }

    /// The same for a condition: a value of another type than boolean is refused.
    package func condition(on schema: TableSchema) throws(ExpressionError) -> BoundExpression {
        try bound(to: schema, ValuePolicies()) { binder, syntax throws(ExpressionError) in
            (try binder.condition(syntax), .bool)
        }
    }

    private func bound(
        to schema: TableSchema, _ policies: ValuePolicies,
        _ bind: (inout ExpressionBinder, Syntax) throws(ExpressionError) -> (BoundNode, ExpressionType)
    ) throws(ExpressionError) -> BoundExpression {
        var parser = try ExpressionParser(text)
        let syntax = try parser.whole()
        var binder = ExpressionBinder(text: text, schema: schema)
        let (node, type) = try bind(&binder, syntax)
        guard let postgresType = type.postgresType else {
            throw binder.error(
                "an expression can't give \(type.name)", at: syntax, hint: ExpressionBinder.hint(type))
        }
        return BoundExpression(
            node: node, expressionType: type, type: postgresType, sql: sql, policies: policies, columns: binder.columns,
            isFilterable: binder.isFilterable, ordersText: binder.ordersText)
    }
}

extension ExpressionToken {
    fileprivate var name: String? {
        switch kind {
        case .word(let name), .quoted(let name): name
        default: nil
        }
    }
}
