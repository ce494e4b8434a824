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
    var parser = JSONParser(bytes: bytes, keysAreUnique: keysAreUnique, limit: sizeLimit(writer))
    try parser.value(depth: 0, into: &writer)
    parser.skipSpace()
    guard parser.offset == bytes.count else { throw .malformed(.json) }
}

/// One pass over JSON text (RFC 8259) that writes BSON as it goes. PostgreSQL has checked the grammar, so this checks
/// what it relies on, and may let other mistakes pass.
private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    let keysAreUnique: Bool
    let limit: Int
    var offset = 0
    static let maximumDepth = 100

    init(bytes: UnsafeRawBufferPointer, keysAreUnique: Bool, limit: Int) {
        self.bytes = bytes
        self.keysAreUnique = keysAreUnique
        self.limit = limit
    }

    @inline(__always)
    private var peek: UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    @inline(__always)
    mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
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
        guard end <= bytes.count, UnsafeRawBufferPointer(rebasing: bytes[offset..<end]).isText(text) else {
            throw .malformed(.json)
        }
        offset = end
    }

    private mutating func number(into writer: inout BSONWriter) throws(ValueError) {
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x30...0x39, 0x2D, 0x2B, 0x2E, 0x65, 0x45: offset &+= 1
            default: return try encodeJSONNumber(UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), into: &writer)
            }
        }
        try encodeJSONNumber(UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), into: &writer)
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
        var count = 0
        skipSpace()
        while peek != 0x7D || count > 0 {
            skipSpace()
            try key(into: &writer)
            skipSpace()
            guard peek == 0x3A else { throw .malformed(.json) }
            offset += 1
            try value(depth: depth, into: &writer)
            count += 1
            skipSpace()
            if peek == 0x7D { break }
            guard peek == 0x2C else { throw .malformed(.json) }
            offset += 1
        }
        offset += 1
        writer.endDocument(start)
        if !keysAreUnique, count > 1 { removeRepeatedKeys(from: start, in: &writer) }
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

    /// Up to the next quote or backslash.
    @inline(__always)
    private mutating func run() throws(ValueError) -> UnsafeRawBufferPointer {
        let start = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x22 || byte == 0x5C {
                return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
            }
            offset &+= 1
        }
        throw .malformed(.json)
    }

    /// From a backslash to behind the closing quote.
    private mutating func escapedString(into writer: inout BSONWriter) throws(ValueError) {
        while peek == 0x5C {
            guard offset + 1 < bytes.count else { throw .malformed(.json) }
            let escape = bytes[offset + 1]
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
        if value & 0xFC00 == 0xD800, peek == 0x5C, offset + 1 < bytes.count, bytes[offset + 1] == 0x75 {
            offset += 2
            let low = try fourDigits()
            guard low & 0xFC00 == 0xDC00 else { throw .refused(.surrogate) }
            value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
        }
        guard let scalar = Unicode.Scalar(value) else { throw .refused(.surrogate) }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { writer.appendToString(byte) }
    }

    private mutating func fourDigits() throws(ValueError) -> UInt32 {
        guard bytes.count - offset >= 4 else { throw .malformed(.json) }
        var value: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            guard let digit = hexadecimalDigit(byte) else { throw .malformed(.json) }
            value = value << 4 | UInt32(digit)
        }
        offset += 4
        return value
    }
}
