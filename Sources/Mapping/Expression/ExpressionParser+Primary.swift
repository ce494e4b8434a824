// What stands between operators: literals, columns, calls, CASE and CAST.

extension ExpressionParser {
    /// Words that mean something else than a column where they stand.
    private static let reserved: Set<String> = [
        "and", "or", "in", "is", "like", "between", "then", "when", "else", "end", "from", "for", "distinct", "collate",
        "all", "any", "array", "as", "asc", "desc", "both", "leading", "trailing", "select", "where", "some", "table",
        "using", "ilike", "similar",
    ]
    /// What depends on when, where and by whom it is asked.
    private static let changingWords: Set<String> = [
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user",
        "session_user", "user", "current_role", "current_catalog", "current_schema",
    ]
    private static let changingFunctions: Set<String> = [
        "now", "random", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday", "age",
        "gen_random_uuid", "nextval", "to_char", "to_timestamp", "to_date", "current_setting", "txid_current",
    ]

    mutating func primary() throws(ExpressionError) -> Syntax {
        let position = token.position
        switch token.kind {
        case .number(let digits):
            advance()
            return Syntax(.number(digits), at: position)
        case .text(let text):
            advance()
            return Syntax(.text(text), at: position)
        case .quoted(let name):
            let kind = column(name)
            return try unqualified(Syntax(kind, at: position))
        case .word(let word):
            return try self.word(word)
        case .symbol("("):
            advance()
            let inner = try expression()
            if isSymbol(",") { throw error("a row of several values is no expression here") }
            try expect(symbol: ")")
            return inner
        case .symbol, .end:
            throw unexpected("a value")
        }
    }

    private mutating func word(_ word: String) throws(ExpressionError) -> Syntax {
        let position = token.position
        switch word {
        case "true", "false":
            advance()
            return Syntax(.bool(word == "true"), at: position)
        case "null":
            advance()
            return Syntax(.null, at: position)
        case "case":
            return try choice()
        case "cast" where isSymbol("(", ahead: 1):
            return try cast()
        default: break
        }
        let isCall = isSymbol("(", ahead: 1)
        if (isCall ? ExpressionParser.changingFunctions : ExpressionParser.changingWords).contains(word) {
            throw error(
                "\(word) is not the same whenever and wherever it is asked",
                hint: "Only functions of the row itself are possible. A column of that name goes in double quotes.")
        }
        if case .text(let text)? = index + 1 < tokens.count ? tokens[index + 1].kind : nil,
            let type = ExpressionType(sqlName: word)
        {
            advance()
            advance()
            return try node(.cast(Syntax(.text(text), at: position), type), at: position)
        }
        if isCall, !ExpressionParser.reserved.contains(word) { return try call(word) }
        guard !ExpressionParser.reserved.contains(word) else {
            throw error(
                "expected a value, found \(word.uppercased())", hint: "A column of that name goes in double quotes.")
        }
        let kind = column(word)
        return try unqualified(Syntax(kind, at: position))
    }

    private func unqualified(_ column: Syntax) throws(ExpressionError) -> Syntax {
        if isSymbol(".") { throw error("a column is named without its table") }
        if isSymbol("[") { throw error("elements of arrays can't be taken") }
        return column
    }

    private mutating func choice() throws(ExpressionError) -> Syntax {
        let position = token.position
        advance()
        let operand = isWord("when") ? nil : try expression()
        var branches: [(condition: Syntax, result: Syntax)] = []
        while isWord("when") {
            let place = token.position
            advance()
            var condition = try expression()
            if let operand { condition = try node(.binary("=", operand, condition), at: place) }
            try expect(word: "then")
            branches.append((condition, try expression()))
        }
        guard !branches.isEmpty else { throw unexpected("WHEN") }
        let otherwise = take(word: "else") ? try expression() : nil
        try expect(word: "end")
        return try node(.choice(branches, otherwise: otherwise), at: position)
    }

    private mutating func cast() throws(ExpressionError) -> Syntax {
        let position = token.position
        advance()
        try expect(symbol: "(")
        let operand = try expression()
        try expect(word: "as")
        let type = try typeName()
        try expect(symbol: ")")
        return try node(.cast(operand, type), at: position)
    }

    mutating func typeName() throws(ExpressionError) -> ExpressionType {
        let position = token.position
        guard case .word(var name) = token.kind else { throw unexpected("a type") }
        advance()
        if name == "double", take(word: "precision") { name = "double precision" }
        if name == "timestamp", isWord("with") || isWord("without"), isWord("time", ahead: 1), isWord("zone", ahead: 2)
        {
            if isWord("with") { name = "timestamptz" }
            for _ in 0..<3 { advance() }
        }
        guard let type = ExpressionType(sqlName: name) else {
            throw error(
                "no cast to \(name)", at: position, hint: "Types: \(ExpressionType.sqlNames.joined(separator: ", ")).")
        }
        if isSymbol("(") {
            throw error("a type has no length or precision here", hint: "round(x, 2) and left(x, 10) shorten values.")
        }
        return type
    }

    private mutating func call(_ name: String) throws(ExpressionError) -> Syntax {
        let position = token.position
        advance()
        advance()
        let kind: Syntax.Kind
        switch name {
        case "extract":
            guard case .word(let field) = token.kind else { throw unexpected("a field such as year") }
            let unit = Syntax(.text(field), at: token.position)
            advance()
            try expect(word: "from")
            kind = .call(name, [unit, try expression()])
            try expect(symbol: ")")
        case "substring":
            kind = .call(name, try substring())
        case "trim":
            kind = try trim()
        default:
            kind = .call(name, take(symbol: ")") ? [] : try list())
        }
        return try node(kind, at: position)
    }

    /// `substring(x FROM n FOR m)`, or with commas.
    private mutating func substring() throws(ExpressionError) -> [Syntax] {
        let text = try expression()
        if take(symbol: ",") { return [text] + (try list()) }
        var arguments = [text]
        if take(word: "from") { arguments.append(try expression()) }
        if isWord("for") {
            if arguments.count == 1 { arguments.append(Syntax(.number("1"), at: token.position)) }
            advance()
            arguments.append(try expression())
        }
        try expect(symbol: ")")
        return arguments
    }

    /// `trim(BOTH 'x' FROM text)`, `trim(text)`.
    private mutating func trim() throws(ExpressionError) -> Syntax.Kind {
        var name = "btrim"
        if take(word: "leading") {
            name = "ltrim"
        } else if take(word: "trailing") {
            name = "rtrim"
        } else {
            _ = take(word: "both")
        }
        if take(word: "from") { return .call(name, try list()) }
        let first = try expression()
        if take(word: "from") { return .call(name, try list() + [first]) }
        if take(symbol: ",") { return .call(name, [first] + (try list())) }
        try expect(symbol: ")")
        return .call(name, [first])
    }
}
