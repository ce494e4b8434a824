/// What the predicate of a partial index of PostgreSQL says of single columns, where it says no more than that: a
/// column's value, its being NULL or not, joined by AND. Reads what `pg_get_expr` writes.
struct IndexPredicate: Equatable {
    enum Test: Hashable {
        case isNull, isNotNull
        case isTrue, isFalse
        /// With a number, as it stands there.
        case number(String)
        case text(String)
    }

    private(set) var tests: [String: Test] = [:]

    /// nil when it says anything else.
    init?(_ text: String) {
        for part in IndexPredicate.conjuncts(IndexPredicate.unwrapped(text[...])) {
            guard let (column, test) = IndexPredicate.test(IndexPredicate.unwrapped(part)), tests[column] == nil else {
                return nil
            }
            tests[column] = test
        }
    }

    /// Without parentheses around all of it, and spaces.
    private static func unwrapped(_ text: Substring) -> Substring {
        var text = text
        while true {
            text = text.drop(while: \.isWhitespace)
            while text.last?.isWhitespace == true { text.removeLast() }
            guard text.first == "(", closing(of: text) == text.index(before: text.endIndex) else { return text }
            text = text.dropFirst().dropLast()
        }
    }

    /// Where the parenthesis at the beginning ends.
    private static func closing(of text: Substring) -> Substring.Index? {
        var depth = 0
        return outsideOfQuotes(text) { index in
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            return depth == 0
        }
    }

    /// The first character outside of quotes for which `isFound`.
    private static func outsideOfQuotes(
        _ text: Substring, _ isFound: (Substring.Index) -> Bool
    ) -> Substring.Index? {
        var quote: Character?
        for index in text.indices {
            let character = text[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if isFound(index) {
                return index
            }
        }
        return nil
    }

    private static func conjuncts(_ text: Substring) -> [Substring] {
        var depth = 0
        let end = outsideOfQuotes(text) { index in
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            return depth == 0 && text[index...].hasPrefix(" AND ")
        }
        guard let end else { return [text] }
        return [text[..<end]] + conjuncts(text[end...].dropFirst(5))
    }

    private static func test(_ text: Substring) -> (String, Test)? {
        if let column = name(text) { return (column, .isTrue) }
        if text.hasPrefix("NOT "), let column = name(text.dropFirst(4)) { return (column, .isFalse) }
        if text.hasSuffix(" IS NULL"), let column = name(text.dropLast(8)) { return (column, .isNull) }
        if text.hasSuffix(" IS NOT NULL"), let column = name(text.dropLast(12)) { return (column, .isNotNull) }
        guard let equals = outsideOfQuotes(text, { text[$0...].hasPrefix(" = ") }),
            let column = name(uncast(text[..<equals])), let value = value(text[equals...].dropFirst(3))
        else { return nil }
        return (column, value)
    }

    /// `(status)::text` is `status`.
    private static func uncast(_ text: Substring) -> Substring {
        guard text.hasPrefix("("), let end = closing(of: text), text[text.index(after: end)...].hasPrefix("::") else {
            return text
        }
        return text[text.index(after: text.startIndex)..<end]
    }

    /// A column's name, without its quotes.
    private static func name(_ text: Substring) -> String? {
        if text.hasPrefix("\""), text.count > 2, text.hasSuffix("\"") {
            let inner = text.dropFirst().dropLast()
            guard !inner.replacing("\"\"", with: "").contains("\"") else { return nil }
            return String(inner.replacing("\"\"", with: "\""))
        }
        let isWord = text.wholeMatch(of: /[a-z_][a-z0-9_$]*/) != nil
        return isWord && !["true", "false", "null"].contains(text) ? String(text) : nil
    }

    /// `'open'::text`, `5`, `true`.
    private static func value(_ text: Substring) -> Test? {
        if text == "true" { return .isTrue }
        if text == "false" { return .isFalse }
        if text.wholeMatch(of: /-?[0-9]+/) != nil { return .number(String(text)) }
        guard let match = text.wholeMatch(of: /'((?:[^']|'')*)'::[a-z_."]+(?: varying)?/) else { return nil }
        return .text(String(match.output.1).replacing("''", with: "'"))
    }
}
