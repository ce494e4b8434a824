import BSON

// tsvector and tsquery become the server's text.

/// `tsvectorsend`: how many lexemes; each with its zero byte, how many positions, and these: the weight in the upper two
/// bits.
func encodeTSVector(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let count = Int(try wire.read(Int32.self))
    guard count >= 0, count <= wire.remaining / 3 else { throw .malformed(.textSearch) }
    let start = writer.beginString()
    for index in 0..<count {
        if index > 0 { writer.appendToString(" ") }
        let lexeme = try wire.takeZeroTerminated()
        guard isUTF8(lexeme) else { throw .refused(.utf8) }
        writer.appendLexeme(lexeme)
        for position in 0..<Int(try wire.read(UInt16.self)) {
            let word = try wire.read(UInt16.self)
            writer.appendToString(position == 0 ? ":" : ",")
            writer.appendDecimal(UInt64(word & 0x3FFF))
            switch word >> 14 {
            case 3: writer.appendToString("A")
            case 2: writer.appendToString("B")
            case 1: writer.appendToString("C")
            default: break
            }
        }
    }
    try wire.end()
    writer.endString(start)
}

/// `tsquerysend`: how many items, in Polish notation with the right operand first (PostgreSQL source, `tsquery.c`).
func encodeTSQuery(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let count = Int(try wire.read(Int32.self))
    guard count >= 0, count <= wire.remaining / 2 else { throw .malformed(.textSearch) }
    var items: [QueryItem] = []
    for _ in 0..<count { items.append(try QueryItem(from: &wire)) }
    try wire.end()
    // From the last to the first, every operator comes behind its operands, the left one before the right one.
    var operands: [Operand] = []
    for item in items.reversed() {
        switch item {
        case .word(let text): operands.append(Operand(text: text, operation: nil))
        case .operation(.not, _):
            guard let operand = operands.popLast() else { throw .malformed(.textSearch) }
            operands.append(Operand(text: Array("!".utf8) + operand.text(under: .not), operation: .not))
        case .operation(let operation, let sign):
            guard let right = operands.popLast(), let left = operands.popLast() else { throw .malformed(.textSearch) }
            let text =
                left.text(under: operation) + sign + right.text(under: operation, isRightOfPhrase: operation == .phrase)
            operands.append(Operand(text: text, operation: operation))
        }
    }
    guard operands.count <= 1 else { throw .malformed(.textSearch) }
    guard let text = operands.first?.text else { return writer.put(string: "") }
    try encodeText(text, into: &writer)
}

private enum QueryOperation: UInt8 {
    case not = 1
    case and, or, phrase

    var priority: Int {
        switch self {
        case .or: 1
        case .and: 2
        case .phrase: 3
        case .not: 4
        }
    }
}

private enum QueryItem {
    case word([UInt8])
    case operation(QueryOperation, sign: [UInt8])

    init(from wire: inout Wire) throws(ValueError) {
        switch try wire.read(UInt8.self) {
        case 1:
            let weights = try wire.read(UInt8.self)
            let isPrefix = try wire.read(UInt8.self) != 0
            var text: [UInt8] = [0x27]
            for byte in try wire.takeZeroTerminated() {
                if byte == 0x27 || byte == 0x5C { text.append(byte) }
                text.append(byte)
            }
            text.append(0x27)
            if weights != 0 || isPrefix { text.append(0x3A) }
            if isPrefix { text.append(0x2A) }
            for (bit, letter) in [(8, "A"), (4, "B"), (2, "C"), (1, "D")] where Int(weights) & bit != 0 {
                text += letter.utf8
            }
            self = .word(text)
        case 2:
            guard let operation = QueryOperation(rawValue: try wire.read()) else { throw .malformed(.textSearch) }
            switch operation {
            case .not: self = .operation(.not, sign: [])
            case .and: self = .operation(.and, sign: Array(" & ".utf8))
            case .or: self = .operation(.or, sign: Array(" | ".utf8))
            case .phrase:
                let distance = try wire.read(UInt16.self)
                self = .operation(.phrase, sign: Array((distance == 1 ? " <-> " : " <\(distance)> ").utf8))
            }
        default: throw .malformed(.textSearch)
        }
    }
}

private struct Operand {
    let text: [UInt8]
    let operation: QueryOperation?

    /// In parentheses where its operator binds less than the one above it.
    func text(under parent: QueryOperation, isRightOfPhrase: Bool = false) -> [UInt8] {
        guard let operation else { return text }
        let isLoose = operation.priority < parent.priority
        return isLoose || isRightOfPhrase && operation == .phrase ? Array("( ".utf8) + text + Array(" )".utf8) : text
    }
}

extension BSONWriter {
    fileprivate mutating func appendLexeme(_ bytes: UnsafeRawBufferPointer) {
        appendToString("'")
        for byte in bytes {
            if byte == 0x27 || byte == 0x5C { appendToString(byte) }
            appendToString(byte)
        }
        appendToString("'")
    }
}

extension Wire {
    /// The bytes up to a zero byte, which is passed over.
    mutating func takeZeroTerminated() throws(ValueError) -> UnsafeRawBufferPointer {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        guard let end = rest.firstIndex(of: 0) else { throw .malformed(.length) }
        offset += end + 1
        return UnsafeRawBufferPointer(rebasing: rest[..<end])
    }
}
