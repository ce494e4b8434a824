import Model

/// Reads a subset of PostgreSQL's value expressions, with its precedence (PostgreSQL documentation, "Lexical Structure",
/// table 4.2; gram.y where that leaves it open).
struct ExpressionParser {
    let text: String
    let tokens: [ExpressionToken]
    private(set) var index = 0
    /// The tokens that name columns.
    private(set) var columns: [Int] = []
    private var nesting = 0

    /// Bytes of the text.
    static let maximumSize = 10_000
    /// Levels of operators, calls and parentheses within each other.
    static let maximumDepth = 100

    init(_ text: String) throws(ExpressionError) {
        self.text = text
        guard text.utf8.count <= ExpressionParser.maximumSize else {
            throw ExpressionError(
                "an expression of more than \(ExpressionParser.maximumSize) bytes", in: text,
                at: ExpressionParser.maximumSize)
        }
        var lexer = ExpressionLexer(text)
        tokens = try lexer.tokens()
    }

    /// How tightly operators bind, loosest first.
    enum Level: Int, Comparable {
        case or, and, not, `is`, comparison, between, other, sum, product, collate, minus, cast

        static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

        /// Of what stands on the right of a left-associative operator.
        var next: Level { Level(rawValue: rawValue + 1) ?? .cast }
    }

    mutating func whole() throws(ExpressionError) -> Syntax {
        let syntax = try expression()
        guard token.kind == .end else { throw unexpected("an operator or the end") }
        return syntax
    }

    // MARK: - Words

    var token: ExpressionToken { tokens[index] }

    func error(_ message: String, at position: Int? = nil, hint: String? = nil) -> ExpressionError {
        ExpressionError(message, in: text, at: position ?? token.position, hint: hint)
    }

    func unexpected(_ wanted: String) -> ExpressionError {
        error("expected \(wanted), found \(token.description)")
    }

    func isWord(_ word: String, ahead: Int = 0) -> Bool {
        index + ahead < tokens.count && tokens[index + ahead].kind == .word(word)
    }

    func isSymbol(_ symbol: String, ahead: Int = 0) -> Bool {
        index + ahead < tokens.count && tokens[index + ahead].kind == .symbol(symbol)
    }

    mutating func advance() { index = min(index + 1, tokens.count - 1) }

    mutating func take(word: String) -> Bool {
        guard isWord(word) else { return false }
        advance()
        return true
    }

    mutating func take(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func expect(word: String) throws(ExpressionError) {
        guard take(word: word) else { throw unexpected(word.uppercased()) }
    }

    mutating func expect(symbol: String) throws(ExpressionError) {
        guard take(symbol: symbol) else { throw unexpected("\"\(symbol)\"") }
    }

    /// The name of a column, which is the current token.
    mutating func column(_ name: String) -> Syntax.Kind {
        columns.append(index)
        advance()
        return .column(name)
    }

    func node(_ kind: Syntax.Kind, at position: Int) throws(ExpressionError) -> Syntax {
        let syntax = Syntax(kind, at: position)
        guard syntax.depth <= ExpressionParser.maximumDepth else { throw tooDeep(at: position) }
        return syntax
    }

    private func tooDeep(at position: Int) -> ExpressionError {
        error("an expression of more than \(ExpressionParser.maximumDepth) levels", at: position)
    }

    // MARK: - Operators

    /// What binds at least as tightly as `minimum`.
    mutating func expression(_ minimum: Level = .or) throws(ExpressionError) -> Syntax {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= ExpressionParser.maximumDepth else { throw tooDeep(at: token.position) }
        var left = try operand(minimum)
        var last: Level?
        while let level = level(), level >= minimum {
            // These don't associate: a < b < c is no expression of PostgreSQL.
            if level == last, level == .is || level == .comparison || level == .between {
                throw error("this needs parentheses", hint: "Say which of the two goes first.")
            }
            left = try infix(left, level)
            last = level
        }
        return left
    }

    private mutating func operand(_ minimum: Level) throws(ExpressionError) -> Syntax {
        let position = token.position
        if isWord("not") {
            guard minimum <= .not else {
                throw error("NOT binds less than the operator before it", hint: "Put NOT … in parentheses.")
            }
            advance()
            return try node(.not(try expression(.not)), at: position)
        }
        if isSymbol("-") || isSymbol("+") {
            let isMinus = take(symbol: "-")
            if !isMinus { advance() }
            let operand = try expression(.minus)
            guard isMinus else { return operand }
            // As gram.y's doNegate: the sign is part of a number that follows, which decides the number's type.
            if case .number(let digits) = operand.kind {
                let negated = digits.hasPrefix("-") ? String(digits.dropFirst()) : "-" + digits
                return Syntax(.number(negated), at: position)
            }
            return try node(.minus(operand), at: position)
        }
        return try primary()
    }

    private func level() -> Level? {
        switch token.kind {
        case .word("or"): .or
        case .word("and"): .and
        case .word("is"): .is
        case .word("between"), .word("in"), .word("like"): .between
        case .word("not") where isWord("between", ahead: 1) || isWord("in", ahead: 1) || isWord("like", ahead: 1):
            .between
        case .word("collate"): .collate
        case .symbol("="), .symbol("<"), .symbol(">"), .symbol("<="), .symbol(">="), .symbol("<>"), .symbol("!="):
            .comparison
        case .symbol("||"), .symbol("->"), .symbol("->>"): .other
        case .symbol("+"), .symbol("-"): .sum
        case .symbol("*"), .symbol("/"), .symbol("%"): .product
        case .symbol("::"): .cast
        default: nil
        }
    }

    private mutating func infix(_ left: Syntax, _ level: Level) throws(ExpressionError) -> Syntax {
        let position = token.position
        switch level {
        case .or:
            var parts = [left]
            while take(word: "or") { parts.append(try expression(.and)) }
            return try node(.or(parts), at: position)
        case .and:
            var parts = [left]
            while take(word: "and") { parts.append(try expression(.not)) }
            return try node(.and(parts), at: position)
        case .is: return try test(left)
        case .between: return try membership(left)
        case .collate:
            advance()
            guard token.kind == .quoted("C") else {
                throw error("the only collation is \"C\"", hint: "Write COLLATE \"C\", with the quotes.")
            }
            advance()
            return try node(.collate(left), at: position)
        case .cast:
            advance()
            return try node(.cast(left, try typeName()), at: position)
        default:
            guard case .symbol(let symbol) = token.kind else { throw unexpected("an operator") }
            advance()
            let right = try expression(level.next)
            return try node(.binary(symbol == "!=" ? "<>" : symbol, left, right), at: position)
        }
    }

    /// Behind IS.
    private mutating func test(_ left: Syntax) throws(ExpressionError) -> Syntax {
        let position = token.position
        advance()
        let isNegated = take(word: "not")
        let kind: Syntax.Kind
        if take(word: "null") {
            kind = .isNull(left)
        } else if take(word: "true") {
            kind = .isTruth(left, true)
        } else if take(word: "false") {
            kind = .isTruth(left, false)
        } else if take(word: "unknown") {
            kind = .isTruth(left, nil)
        } else if take(word: "distinct") {
            try expect(word: "from")
            kind = .isDistinct(left, try expression(.comparison))
        } else {
            throw unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")
        }
        return try negated(kind, isNegated, at: position)
    }

    /// [NOT] IN, BETWEEN, LIKE.
    private mutating func membership(_ left: Syntax) throws(ExpressionError) -> Syntax {
        let position = token.position
        let isNegated = take(word: "not")
        let kind: Syntax.Kind
        if take(word: "in") {
            try expect(symbol: "(")
            if isWord("select") { throw error("an expression can't hold a query") }
            kind = .isIn(left, try list())
        } else if take(word: "between") {
            let lower = try expression(.other)
            try expect(word: "and")
            kind = .between(left, lower, try expression(.other))
        } else {
            advance()
            kind = .like(left, try expression(.other))
            if isWord("escape") { throw error("LIKE is without ESCAPE here", hint: "A backslash escapes.") }
        }
        return try negated(kind, isNegated, at: position)
    }

    private func negated(_ kind: Syntax.Kind, _ isNegated: Bool, at position: Int) throws(ExpressionError) -> Syntax {
        let syntax = try node(kind, at: position)
        return isNegated ? try node(.not(syntax), at: position) : syntax
    }

    /// What is left of a list in parentheses, at least one element, and its end.
    mutating func list() throws(ExpressionError) -> [Syntax] {
        var elements = [try expression()]
        while take(symbol: ",") { elements.append(try expression()) }
        try expect(symbol: ")")
        return elements
    }
}
