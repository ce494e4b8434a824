/// Finds one member or element in the text of a json or jsonb value, as `->` and `->>` do (PostgreSQL source, jsonfuncs.c).
/// PostgreSQL has checked the grammar. The text of a part of a jsonb value is a part of its text.
struct JSONScanner {
    private let bytes: [UInt8]
    /// Whether every text is looked into: json, which is stored as it was written, may hold an escape that PostgreSQL
    /// can't make a character of, and refuses then whatever is asked for.
    private let checksEscapes: Bool
    private var offset = 0

    init(_ bytes: [UInt8], isJSONB: Bool) {
        self.bytes = bytes
        checksEscapes = !isJSONB
    }

    /// The last member of this name, in an object; nil where there is none.
    mutating func member(_ name: [UInt8]) throws(ValueError) -> ArraySlice<UInt8>? {
        skipSpace()
        guard peek == 0x7B else { return try nothing() }
        var found: ArraySlice<UInt8>?
        try parts { scanner throws(ValueError) in
            let key = try scanner.string()
            scanner.skipSpace()
            try scanner.expect(0x3A)
            let value = try scanner.value()
            if key == name { found = value }
        }
        return found
    }

    /// The element of this number, counted from 0, or from the end where it is negative; nil where there is none.
    mutating func element(_ index: Int64) throws(ValueError) -> ArraySlice<UInt8>? {
        skipSpace()
        guard peek == 0x5B else {
            // A jsonb scalar is an array of one element for the server.
            let isScalar = !checksEscapes && peek != 0x7B
            return isScalar && (index == 0 || index == -1) ? bytes[...] : try nothing()
        }
        var elements: [ArraySlice<UInt8>] = []
        try parts { scanner throws(ValueError) in elements.append(try scanner.value()) }
        let place = index < 0 ? Int64(elements.count) + index : index
        return elements.indices.contains(Int(place)) ? elements[Int(place)] : nil
    }

    /// What `->>` makes of a value that was found: a text without its quotes and escapes, nil of null, else the JSON.
    static func text(_ value: ArraySlice<UInt8>) throws(ValueError) -> [UInt8]? {
        if value.elementsEqual("null".utf8) { return nil }
        guard value.first == 0x22 else { return Array(value) }
        var scanner = JSONScanner(Array(value), isJSONB: false)
        return try scanner.string()
    }

    /// Looks at all of it, as the server does.
    private mutating func nothing() throws(ValueError) -> ArraySlice<UInt8>? {
        if checksEscapes { _ = try value() }
        return nil
    }

    /// What is between the brackets, part by part.
    private mutating func parts(_ part: (inout JSONScanner) throws(ValueError) -> Void) throws(ValueError) {
        offset += 1
        skipSpace()
        if peek == 0x7D || peek == 0x5D { return }
        while true {
            skipSpace()
            try part(&self)
            skipSpace()
            guard peek == 0x2C else { break }
            offset += 1
        }
        guard peek == 0x7D || peek == 0x5D else { throw .malformed(.json) }
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func expect(_ byte: UInt8) throws(ValueError) {
        guard peek == byte else { throw .malformed(.json) }
        offset += 1
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    /// Any value, to its last byte.
    private mutating func value() throws(ValueError) -> ArraySlice<UInt8> {
        skipSpace()
        let start = offset
        var depth = 0
        repeat {
            switch peek {
            case nil: throw .malformed(.json)
            case 0x22: try skipString()
            case 0x7B, 0x5B:
                depth += 1
                offset += 1
            case 0x7D, 0x5D:
                depth -= 1
                offset += 1
            case 0x2C, 0x3A, 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default:
                let word = offset
                skipWord()
                if offset == word { throw .malformed(.json) }
            }
        } while depth > 0
        guard depth == 0, offset > start else { throw .malformed(.json) }
        return bytes[start..<offset]
    }

    /// A number, true, false or null.
    private mutating func skipWord() {
        while let byte = peek,
            decimalDigit(byte) != nil || "+-.".utf8.contains(byte) || (0x61...0x7A).contains(byte | 0x20)
        {
            offset += 1
        }
    }

    private mutating func skipString() throws(ValueError) {
        if checksEscapes {
            _ = try string()
            return
        }
        try expect(0x22)
        while let byte = peek, byte != 0x22 { offset += byte == 0x5C ? 2 : 1 }
        try expect(0x22)
    }

    private mutating func string() throws(ValueError) -> [UInt8] {
        try expect(0x22)
        var content: [UInt8] = []
        while let byte = peek, byte != 0x22 {
            offset += 1
            if byte == 0x5C {
                try escape(into: &content)
            } else {
                content.append(byte)
            }
        }
        try expect(0x22)
        return content
    }

    private mutating func escape(into content: inout [UInt8]) throws(ValueError) {
        guard let letter = peek else { throw .malformed(.json) }
        offset += 1
        switch letter {
        case 0x22, 0x5C, 0x2F: content.append(letter)
        case 0x62: content.append(0x08)
        case 0x66: content.append(0x0C)
        case 0x6E: content.append(0x0A)
        case 0x72: content.append(0x0D)
        case 0x74: content.append(0x09)
        case 0x75: content += try character()
        default: throw .malformed(.json)
        }
    }

    /// Behind `\u`. Throws `.evaluation(.character)` for NUL and for half of a surrogate pair.
    private mutating func character() throws(ValueError) -> [UInt8] {
        var value = try fourDigits()
        if value & 0xFC00 == 0xD800, peek == 0x5C, offset + 1 < bytes.count, bytes[offset + 1] == 0x75 {
            offset += 2
            let low = try fourDigits()
            guard low & 0xFC00 == 0xDC00 else { throw .evaluation(.character) }
            value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
        }
        guard value != 0, let scalar = Unicode.Scalar(value) else { throw .evaluation(.character) }
        return Array(String(Character(scalar)).utf8)
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
