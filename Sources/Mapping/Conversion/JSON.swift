import BSON

// json and jsonb become documents, arrays and scalars. Of a key that occurs twice in a json object the last value wins,
// in the last one's place (jsonb has dealt with it before). A string may hold \u0000, a key may not.

/// `jsonb_send`: a version byte, 1, and then the text.
func encodeJSONB(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.first == 1 else { throw .malformed(.json) }
    try encodeJSON(UnsafeRawBufferPointer(rebasing: bytes[1...]), keysAreUnique: true, into: &writer)
}

func encodeJSON(
    _ bytes: UnsafeRawBufferPointer, keysAreUnique: Bool, into writer: inout BSONWriter
) throws(ValueError) {
    guard isUTF8(bytes) else { throw .refused(.utf8) }
    guard let base = bytes.baseAddress else { throw .malformed(.json) }
    var parser = JSONParser(base: base, count: bytes.count, keysAreUnique: keysAreUnique, limit: sizeLimit(writer))
    try parser.value(depth: 0, into: &writer)
    parser.skipSpace()
    guard parser.offset == parser.count else { throw .malformed(.json) }
}

/// One pass over JSON text (RFC 8259) that writes BSON as it goes. PostgreSQL has checked the grammar, so this checks
/// what it relies on, and may let other mistakes pass.
private struct JSONParser {
    let base: UnsafeRawPointer
    let count: Int
    let keysAreUnique: Bool
    let limit: Int
    var offset = 0
    static let maximumDepth = 100

    init(base: UnsafeRawPointer, count: Int, keysAreUnique: Bool, limit: Int) {
        self.base = base
        self.count = count
        self.keysAreUnique = keysAreUnique
        self.limit = limit
    }

    /// The next byte, 0 at the end (which stands for nothing in JSON).
    @inline(__always)
    private var peek: UInt8 { offset < count ? byte(offset) : 0 }

    @inline(__always)
    private func byte(_ offset: Int) -> UInt8 { base.load(fromByteOffset: offset, as: UInt8.self) }

    @inline(__always)
    private func slice(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + start, count: end &- start)
    }

    @inline(__always)
    mutating func skipSpace() {
        while offset < count {
            switch byte(offset) {
            case 0x20, 0x0A, 0x0D, 0x09: offset &+= 1
            default: return
            }
        }
    }

    mutating func value(depth: Int, into writer: inout BSONWriter) throws(ValueError) {
        skipSpace()
        switch peek {
        case 0x22: try string(into: &writer)
        case 0x7B: try object(depth: depth + 1, into: &writer)
        case 0x5B: try array(depth: depth + 1, into: &writer)
        case 0x2D, 0x30...0x39: try number(into: &writer)
        case 0x74:
            try literal("true")
            writer.put(bool: true)
        case 0x66:
            try literal("false")
            writer.put(bool: false)
        default:
            try literal("null")
            writer.putNull()
        }
        if writer.count > limit { throw .tooLarge }
    }

    private mutating func literal(_ text: StaticString) throws(ValueError) {
        let end = offset + text.utf8CodeUnitCount
        guard end <= count, slice(offset, end).isText(text) else {
            throw .malformed(.json)
        }
        offset = end
    }

    private mutating func number(into writer: inout BSONWriter) throws(ValueError) {
        let start = offset
        var value: Int32 = 0
        var isSmall = peek != 0x2D
        while offset < count {
            let byte = byte(offset)
            if let digit = decimalDigit(byte) {
                value = value &* 10 &+ Int32(digit)
            } else if byte == 0x2E || byte == 0x2D || byte == 0x2B || byte | 0x20 == 0x65 {
                isSmall = false
            } else {
                break
            }
            offset &+= 1
        }
        // Most numbers are small integers, and are known by now.
        if isSmall, offset &- start < 10 { return writer.put(int32: value) }
        try encodeJSONNumber(slice(start, offset), into: &writer)
    }

    private mutating func array(depth: Int, into writer: inout BSONWriter) throws(ValueError) {
        guard depth <= JSONParser.maximumDepth else { throw .refused(.depth) }
        offset += 1
        let start = writer.putArray()
        var index = 0
        skipSpace()
        while peek != 0x5D || index > 0 {
            writer.key(index: index)
            try value(depth: depth, into: &writer)
            index += 1
            skipSpace()
            if peek == 0x5D { break }
            guard peek == 0x2C else { throw .malformed(.json) }
            offset += 1
        }
        offset += 1
        writer.endDocument(start)
    }

    private mutating func object(depth: Int, into writer: inout BSONWriter) throws(ValueError) {
        guard depth <= JSONParser.maximumDepth else { throw .refused(.depth) }
        offset += 1
        let start = writer.putDocument()
        var members = 0
        skipSpace()
        while peek != 0x7D || members > 0 {
            skipSpace()
            try key(into: &writer)
            skipSpace()
            guard peek == 0x3A else { throw .malformed(.json) }
            offset += 1
            try value(depth: depth, into: &writer)
            members += 1
            skipSpace()
            if peek == 0x7D { break }
            guard peek == 0x2C else { throw .malformed(.json) }
            offset += 1
        }
        offset += 1
        writer.endDocument(start)
        if !keysAreUnique, members > 1 { removeRepeatedKeys(from: start, in: &writer) }
    }

    private mutating func key(into writer: inout BSONWriter) throws(ValueError) {
        let plain = try plainString()
        if peek == 0x22 {
            offset += 1
            if plain.contains(0) { throw .refused(.nulInName) }
            return writer.key(bytes: plain)
        }
        let start = writer.beginKey()
        writer.appendToString(plain)
        try escapedString(into: &writer)
        let hasNUL = writer.withUnsafeBytes(in: start + 1..<writer.count) { $0.contains(0) }
        if hasNUL { throw .refused(.nulInName) }
        writer.endKey(start)
    }

    private mutating func string(into writer: inout BSONWriter) throws(ValueError) {
        let plain = try plainString()
        if peek == 0x22 {
            offset += 1
            return writer.put(string: plain)
        }
        let start = writer.beginString()
        writer.appendToString(plain)
        try escapedString(into: &writer)
        writer.endString(start)
    }

    /// From an opening quote to the first backslash or the closing quote, where `offset` then is.
    private mutating func plainString() throws(ValueError) -> UnsafeRawBufferPointer {
        guard peek == 0x22 else { throw .malformed(.json) }
        offset += 1
        return try run()
    }

    /// Up to the next quote or backslash, eight bytes at a time.
    @inline(__always)
    private mutating func run() throws(ValueError) -> UnsafeRawBufferPointer {
        let start = offset
        while offset &+ 8 <= count {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let found = zeroBytes(word ^ 0x2222_2222_2222_2222) | zeroBytes(word ^ 0x5C5C_5C5C_5C5C_5C5C)
            if found != 0 {
                offset &+= found.trailingZeroBitCount / 8
                return slice(start, offset)
            }
            offset &+= 8
        }
        while offset < count {
            if byte(offset) == 0x22 || byte(offset) == 0x5C { return slice(start, offset) }
            offset &+= 1
        }
        throw .malformed(.json)
    }

    /// The lowest bit set is in the first byte of `word` that is zero; 0 when there is none.
    @inline(__always)
    private func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }

    /// From a backslash to behind the closing quote.
    private mutating func escapedString(into writer: inout BSONWriter) throws(ValueError) {
        while peek == 0x5C {
            guard offset + 1 < count else { throw .malformed(.json) }
            let escape = byte(offset + 1)
            offset += 2
            switch escape {
            case 0x22, 0x5C, 0x2F: writer.appendToString(escape)
            case 0x62: writer.appendToString(0x08)
            case 0x66: writer.appendToString(0x0C)
            case 0x6E: writer.appendToString(0x0A)
            case 0x72: writer.appendToString(0x0D)
            case 0x74: writer.appendToString(0x09)
            case 0x75: try unicodeEscape(into: &writer)
            default: throw .malformed(.json)
            }
            writer.appendToString(try run())
        }
        offset += 1
    }

    /// Behind `\u`: four hexadecimal digits, or two such escapes for a scalar beyond U+FFFF.
    private mutating func unicodeEscape(into writer: inout BSONWriter) throws(ValueError) {
        var value = try fourDigits()
        if value & 0xFC00 == 0xD800, peek == 0x5C, offset + 1 < count, byte(offset + 1) == 0x75 {
            offset += 2
            let low = try fourDigits()
            guard low & 0xFC00 == 0xDC00 else { throw .refused(.surrogate) }
            value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
        }
        guard let scalar = Unicode.Scalar(value) else { throw .refused(.surrogate) }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { writer.appendToString(byte) }
    }

    private mutating func fourDigits() throws(ValueError) -> UInt32 {
        guard count - offset >= 4 else { throw .malformed(.json) }
        var value: UInt32 = 0
        for byte in slice(offset, offset + 4) {
            guard let digit = hexadecimalDigit(byte) else { throw .malformed(.json) }
            value = value << 4 | UInt32(digit)
        }
        offset += 4
        return value
    }
}
