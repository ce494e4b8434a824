/// Takes an expression apart, by PostgreSQL's rules where both know a form (PostgreSQL documentation, "Lexical Structure").
struct ExpressionLexer {
    private let text: String
    private let bytes: [UInt8]
    private var offset = 0

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    /// The last token is `.end`.
    mutating func tokens() throws(ExpressionError) -> [ExpressionToken] {
        var tokens: [ExpressionToken] = []
        while true {
            while let byte = peek(), byte == 0x20 || (0x09...0x0D).contains(byte) { offset += 1 }
            let position = offset
            guard let byte = peek() else {
                tokens.append(ExpressionToken(kind: .end, position: position))
                return tokens
            }
            tokens.append(ExpressionToken(kind: try kind(from: byte), position: position))
        }
    }

    private mutating func kind(from byte: UInt8) throws(ExpressionError) -> ExpressionToken.Kind {
        switch byte {
        case 0x27:
            return .text(try quoted(0x27, "text"))
        case 0x22:
            let start = offset
            let name = try quoted(0x22, "name")
            if name.isEmpty { throw error("a name in quotes is empty", at: start) }
            return .quoted(name)
        case 0x30...0x39:
            return .number(try number())
        case 0x2E where peek(1).map { decimalDigit($0) != nil } == true:
            return .number(try number())
        default:
            return ExpressionLexer.isNameStart(byte) ? .word(name()) : .symbol(try symbol())
        }
    }

    private func peek(_ distance: Int = 0) -> UInt8? {
        offset + distance < bytes.count ? bytes[offset + distance] : nil
    }

    private func error(_ message: String, at position: Int, hint: String? = nil) -> ExpressionError {
        ExpressionError(message, in: text, at: position, hint: hint)
    }

    private static func isNameStart(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == 0x5F || (0x61...0x7A).contains(byte | 0x20)
    }

    /// Only ASCII letters are folded: PostgreSQL, too, leaves others as they are in a multi-byte encoding.
    private mutating func name() -> String {
        var name: [UInt8] = []
        while let byte = peek(), ExpressionLexer.isNameStart(byte) || decimalDigit(byte) != nil || byte == 0x24 {
            name.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
            offset += 1
        }
        return String(decoding: name, as: UTF8.self)
    }

    /// A quote within is doubled.
    private mutating func quoted(_ quote: UInt8, _ what: String) throws(ExpressionError) -> String {
        let start = offset
        offset += 1
        var content: [UInt8] = []
        while let byte = peek() {
            offset += 1
            if byte == 0 { throw error("a \(what) can't hold a NUL character", at: offset - 1) }
            if byte == quote {
                guard peek() == quote else { return String(decoding: content, as: UTF8.self) }
                offset += 1
            }
            content.append(byte)
        }
        throw error("a \(what) that begins here has no closing quote", at: start)
    }

    private mutating func number() throws(ExpressionError) -> String {
        let start = offset
        skipDigits()
        if peek() == 0x2E {
            offset += 1
            skipDigits()
        }
        if let mark = peek(), mark | 0x20 == 0x65 {
            let sign = peek(1) == 0x2B || peek(1) == 0x2D ? 1 : 0
            if let digit = peek(1 + sign), decimalDigit(digit) != nil {
                offset += 1 + sign
                skipDigits()
            }
        }
        if let byte = peek(), ExpressionLexer.isNameStart(byte) || byte == 0x2E {
            throw error("a number ends in something else", at: start, hint: "Put a blank behind the number.")
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func skipDigits() {
        while let byte = peek(), decimalDigit(byte) != nil { offset += 1 }
    }

    private static let symbols = [
        "->>", "->", "::", "||", "<=", ">=", "<>", "!=", "(", ")", ",", "+", "-", "*", "/", "%", "=", "<", ">", ".",
        "[", "]",
    ]

    private mutating func symbol() throws(ExpressionError) -> String {
        let rest = bytes[offset...]
        if rest.starts(with: "--".utf8) || rest.starts(with: "/*".utf8) {
            throw error("an expression can't hold comments", at: offset, hint: "Two minus signs need a blank between.")
        }
        guard let symbol = ExpressionLexer.symbols.first(where: { rest.starts(with: $0.utf8) }) else {
            throw error(
                "this character has no meaning here", at: offset,
                hint: "docs/mapping.md lists the operators. Texts stand in single quotes, names in double quotes.")
        }
        offset += symbol.utf8.count
        return symbol
    }
}
