import BSON
import Glibc

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
    // PostgreSQL's text has no zero byte; what follows relies on that.
    guard let base = bytes.baseAddress, memchr(base, 0, bytes.count) == nil else { throw .malformed(.json) }
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
    /// Bytes of a string that room is made for at once.
    static let piece = 64 << 10

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

    /// jsonb is printed with one space at most, so the first look mostly ends it.
    @inline(__always)
    mutating func skipSpace() {
        while offset < count, byte(offset) <= 0x20 {
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
        let number = try JSONNumber(slice(offset, count))
        number.write(slice(offset, offset &+ number.length), into: &writer)
        offset &+= number.length
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
        let start = writer.beginKey()
        if try copyString(into: &writer) {
            let hasNUL = writer.withUnsafeBytes(in: start + 1..<writer.count) { $0.contains(0) }
            if hasNUL { throw .refused(.nulInName) }
        }
        writer.endKey(start)
    }

    private mutating func string(into writer: inout BSONWriter) throws(ValueError) {
        let start = writer.beginString()
        try copyString(into: &writer)
        writer.endString(start)
    }

    /// From an opening quote to behind the closing one.
    ///
    /// - Returns: whether there were escapes.
    @inline(__always) @discardableResult
    private mutating func copyString(into writer: inout BSONWriter) throws(ValueError) -> Bool {
        guard peek == 0x22 else { throw .malformed(.json) }
        offset &+= 1
        try copyRun(into: &writer)
        let hasEscapes = byte(offset) == 0x5C
        if hasEscapes { try copyEscaped(into: &writer) }
        offset &+= 1
        return hasEscapes
    }

    /// Up to the next quote or backslash, eight bytes at a time.
    @inline(__always)
    private mutating func copyRun(into writer: inout BSONWriter) throws(ValueError) {
        while offset < count {
            let end = min(count, offset &+ JSONParser.piece)
            writer.reserve(end &- offset)
            let (target, start) = (writer.room, offset)
            while offset &+ 8 <= end {
                let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                target.storeBytes(of: word.littleEndian, toByteOffset: offset &- start, as: UInt64.self)
                let found = zeroBytes(word ^ 0x2222_2222_2222_2222) | zeroBytes(word ^ 0x5C5C_5C5C_5C5C_5C5C)
                if found != 0 {
                    offset &+= found.trailingZeroBitCount / 8
                    return writer.advance(offset &- start)
                }
                offset &+= 8
            }
            while offset < end {
                let byte = byte(offset)
                if byte == 0x22 || byte == 0x5C { return writer.advance(offset &- start) }
                target.storeBytes(of: byte, toByteOffset: offset &- start, as: UInt8.self)
                offset &+= 1
            }
            writer.advance(offset &- start)
            if writer.count > limit { throw .tooLarge }
        }
        throw .malformed(.json)
    }

    /// The lowest bit set is in the first byte of `word` that is zero; 0 when there is none.
    @inline(__always)
    private func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }

    /// From a backslash to the closing quote.
    @inline(never)
    private mutating func copyEscaped(into writer: inout BSONWriter) throws(ValueError) {
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
            if writer.count > limit { throw .tooLarge }
            try copyRun(into: &writer)
        }
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
