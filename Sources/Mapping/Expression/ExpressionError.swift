import Model

/// What is wrong with an expression, and where. Holds the expression's text, which the operator wrote, and never a value of a
/// row.
package struct ExpressionError: Error, Hashable, Sendable {
    /// The whole expression.
    package let text: String
    /// Where in the text, in characters from 0; as many as there are for its end.
    package let offset: Int
    /// Lower case, no full stop.
    package let message: String
    /// What to write instead.
    package let hint: String?

    /// - Parameter position: in bytes of UTF-8.
    init(_ message: String, in text: String, at position: Int, hint: String? = nil) {
        self.text = text
        self.message = message
        self.hint = hint
        let bytes = text.utf8
        let index = bytes.index(bytes.startIndex, offsetBy: position, limitedBy: bytes.endIndex) ?? bytes.endIndex
        offset = text.distance(from: text.startIndex, to: index)
    }

    /// Two lines: the line of the expression in which the error lies, at most 80 characters of it, and a caret under the
    /// place. Tabs are blanks.
    package var pointer: String {
        let characters = Array(text)
        let place = min(offset, characters.count)
        let start = characters[..<place].lastIndex { $0.isNewline }.map { $0 + 1 } ?? 0
        let end = characters[place...].firstIndex { $0.isNewline } ?? characters.count
        let first = max(start, place - 60)
        let line = String(characters[first..<min(end, first + 80)].map { $0 == "\t" ? " " : $0 })
        return line + "\n" + String(repeating: " ", count: place - first) + "^"
    }
}

extension ExpressionError {
    /// For an operator: the first line says it all, the hint points at it.
    ///
    /// - Parameter place: what the expression is, such as "where of public.orders".
    package func failure(in place: String) -> Failure {
        let lines = pointer.split(separator: "\n", omittingEmptySubsequences: false).map { "\n    \($0)" }.joined()
        return Failure(
            .configuration, "\(place): \(message), at character \(offset + 1)",
            hint: (hint ?? "See \"Expressions\" in docs/mapping.md.") + lines)
    }
}
