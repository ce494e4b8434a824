import BSON

/// Walks the text form of composite values, ranges and multiranges: parts between separators, each quoted where it has
/// to be, with quotes and backslashes doubled or behind a backslash (PostgreSQL documentation, "Composite Type Input
/// and Output Syntax", "Range Input/Output").
struct QuotedParts {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func take() throws(ValueError) -> UInt8 {
        guard let byte = peek else { throw .malformed(.composite) }
        offset += 1
        return byte
    }

    mutating func expect(_ byte: UInt8) throws(ValueError) {
        guard try take() == byte else { throw .malformed(.composite) }
    }

    func isAtAny(_ first: UInt8, _ second: UInt8) -> Bool { peek == first || peek == second }

    func end() throws(ValueError) {
        guard offset == bytes.count else { throw .malformed(.composite) }
    }

    /// One part, up to any of two separators outside of quotes.
    mutating func encode(
        _ codec: ValueCodec, until first: UInt8, _ second: UInt8, into writer: inout BSONWriter
    ) throws(ValueError) {
        let start = offset
        var isPlain = true
        var isQuoted = false
        while let byte = peek, isQuoted || !isAtAny(first, second) {
            if byte == 0x22 { isQuoted.toggle() }
            if byte == 0x5C { offset += 1 }
            if byte == 0x22 || byte == 0x5C { isPlain = false }
            offset += 1
        }
        guard !isQuoted, offset <= bytes.count else { throw .malformed(.composite) }
        let part = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
        if isPlain { return try codec.encode(part, isBinary: false, into: &writer) }
        let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: max(part.count, 1), alignment: 1)
        defer { plain.deallocate() }
        let count = unquote(part, to: plain)
        try codec.encode(UnsafeRawBufferPointer(rebasing: plain[..<count]), isBinary: false, into: &writer)
    }

    /// - Returns: how many bytes are left.
    private func unquote(_ part: UnsafeRawBufferPointer, to plain: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        var index = 0
        var isQuoted = false
        while index < part.count {
            let byte = part[index]
            index += 1
            if byte == 0x5C, index < part.count {
                plain[count] = part[index]
                index += 1
            } else if byte != 0x22 {
                plain[count] = byte
            } else if isQuoted, index < part.count, part[index] == 0x22 {
                plain[count] = byte
                index += 1
            } else {
                isQuoted.toggle()
                continue
            }
            count += 1
        }
        return count
    }
}
