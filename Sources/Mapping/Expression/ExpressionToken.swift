import Model

/// A word of an expression.
struct ExpressionToken: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// A name or a keyword, folded to lower case as PostgreSQL folds it.
        case word(String)
        /// A name in double quotes.
        case quoted(String)
        /// Digits, a point, an exponent.
        case number(String)
        /// A text in quotes.
        case text(String)
        case symbol(String)
        case end
    }

    let kind: Kind
    /// Of its first byte.
    let position: Int

    /// In a message.
    var description: String {
        switch kind {
        case .word(let word): "\"\(word)\""
        case .quoted(let name): "\"\(name)\""
        case .number(let digits): digits
        case .text: "a text"
        case .symbol(let symbol): "\"\(symbol)\""
        case .end: "the end"
        }
    }

    /// For the server.
    var sql: String {
        switch kind {
        case .word(let text), .number(let text), .symbol(let text): text
        case .quoted(let name): quoteIdentifier(name)
        case .text(let text): quoteLiteral(text)
        case .end: ""
        }
    }
}
