/// Reads JSON (RFC 8259) from one message, value by value; copies nothing before it is asked to. Every read is checked
/// and throws `ByteCursor.Underrun` at the offset where it made no sense.
///
/// It borrows the memory: whoever makes one keeps the block alive while it is used.
struct JSONScanner {
    /// A value as it stands in the message.
    struct Value {
        enum Kind {
            case null
            case `true`
            case `false`
            /// Its characters.
            case number
            /// What is between the quotes.
            case string
            /// The same, with backslashes in it.
            case escapedString
        }

        let kind: Kind
        let offset: Int
        let count: Int

        var isString: Bool { kind == .string || kind == .escapedString }
    }

    let base: UnsafeRawPointer
    let end: Int
    private(set) var offset: Int

    init(base: UnsafeRawPointer, offset: Int, end: Int) {
        self.base = base
        self.offset = offset
        self.end = end
    }

    func failure(_ reason: String, at place: Int? = nil) -> ByteCursor.Underrun {
        ByteCursor.Underrun(offset: place ?? offset, reason: reason)
    }

    @inline(__always)
    private func byte(_ offset: Int) -> UInt8 { base.load(fromByteOffset: offset, as: UInt8.self) }

    private mutating func skipSpaces() {
        while offset < end, [0x20, 0x09, 0x0A, 0x0D].contains(byte(offset)) { offset += 1 }
    }

    /// Takes one byte, after spaces, if it is the one asked for.
    mutating func take(_ wanted: UInt8) -> Bool {
        if offset < end, byte(offset) <= 0x20 { skipSpaces() }
        guard offset < end, byte(offset) == wanted else { return false }
        offset += 1
        return true
    }

    mutating func expect(_ wanted: UInt8) throws {
        guard take(wanted) else { throw failure("\(Character(UnicodeScalar(wanted))) expected") }
    }

    mutating func expectEnd() throws {
        skipSpaces()
        guard offset == end else { throw failure("\(end - offset) bytes too many") }
    }

    /// The members of an object, or the elements of an array: calls `body` at the beginning of each.
    mutating func each(_ open: UInt8, _ close: UInt8, _ body: (inout JSONScanner) throws -> Void) throws {
        try expect(open)
        if take(close) { return }
        repeat { try body(&self) } while take(UInt8(ascii: ","))
        try expect(close)
    }

    /// The name of an object's member, and its colon.
    mutating func name() throws -> Value {
        let name = try value()
        guard name.isString else { throw failure("a name expected", at: name.offset) }
        try expect(UInt8(ascii: ":"))
        return name
    }

    /// A value that is neither object nor array: such are not where wal2json has them.
    mutating func value() throws -> Value {
        if offset < end, byte(offset) <= 0x20 { skipSpaces() }
        guard offset < end else { throw failure("a value expected") }
        switch byte(offset) {
        case UInt8(ascii: "\""): return try string()
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "t"): return try word("true", .true)
        case UInt8(ascii: "f"): return try word("false", .false)
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString, _ kind: Value.Kind) throws -> Value {
        let count = word.utf8CodeUnitCount
        guard end - offset >= count, (0..<count).allSatisfy({ byte(offset + $0) == word.utf8Start[$0] }) else {
            throw failure("an unknown word")
        }
        defer { offset += count }
        return Value(kind: kind, offset: offset, count: count)
    }

    /// The characters of an output function's number, as wal2json checks them: `+-.0-9Ee`.
    private mutating func number() throws -> Value {
        let start = offset
        while offset < end {
            switch byte(offset) {
            case 0x30...0x39, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
                UInt8(ascii: "E"):
                offset += 1
                continue
            default: break
            }
            break
        }
        guard offset > start else { throw failure("a value expected") }
        return Value(kind: .number, offset: start, count: offset - start)
    }

    private mutating func string() throws -> Value {
        offset += 1
        let start = offset
        var kind = Value.Kind.string
        while offset < end {
            switch byte(offset) {
            case UInt8(ascii: "\""):
                defer { offset += 1 }
                return Value(kind: kind, offset: start, count: offset - start)
            case UInt8(ascii: "\\"):
                kind = .escapedString
                offset += 2
            case 0..<0x20: throw failure("a control character in a string")
            default: offset += 1
            }
        }
        throw failure("a string without an end", at: start)
    }

    // MARK: - What a value says

    func bytes(_ value: Value) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + value.offset, count: value.count)
    }

    /// Appends a string's text, without its escapes.
    func append(_ value: Value, to text: inout [UInt8]) throws {
        guard value.kind == .escapedString else { return text.append(contentsOf: bytes(value)) }
        var place = value.offset
        let stop = value.offset + value.count
        while place < stop {
            let next = byte(place)
            guard next == UInt8(ascii: "\\") else {
                text.append(next)
                place += 1
                continue
            }
            place = try appendEscape(at: place + 1, before: stop, to: &text)
        }
    }

    /// - Parameter place: just behind the backslash.
    /// - Returns: where the text goes on.
    private func appendEscape(at place: Int, before stop: Int, to text: inout [UInt8]) throws -> Int {
        guard place < stop else { throw failure("an escape without an end", at: place) }
        switch byte(place) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte(place))
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            let (scalar, next) = try scalar(at: place + 1, before: stop)
            text.append(contentsOf: String(scalar).utf8)
            return next
        default: throw failure("an unknown escape", at: place)
        }
        return place + 1
    }

    /// Four hexadecimal digits, or two times four with `\u` between them: a pair of surrogates. PostgreSQL has no zero
    /// byte in any text.
    private func scalar(at place: Int, before stop: Int) throws -> (Unicode.Scalar, next: Int) {
        let first = try codeUnit(at: place, before: stop)
        guard first != 0 else { throw failure("a zero byte in a string", at: place) }
        if let scalar = Unicode.Scalar(first) { return (scalar, place + 4) }
        guard (0xD800...0xDBFF).contains(first), place + 6 <= stop, byte(place + 4) == UInt8(ascii: "\\"),
            byte(place + 5) == UInt8(ascii: "u")
        else { throw failure("half of a pair of surrogates", at: place) }
        let second = try codeUnit(at: place + 6, before: stop)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        else { throw failure("half of a pair of surrogates", at: place) }
        return (scalar, place + 10)
    }

    private func codeUnit(at place: Int, before stop: Int) throws -> UInt16 {
        guard stop - place >= 4 else { throw failure("an escape without an end", at: place) }
        var unit: UInt16 = 0
        for index in place..<place + 4 {
            guard let digit = Character(UnicodeScalar(byte(index))).hexDigitValue else {
                throw failure("no hexadecimal digit", at: index)
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// - Throws: `ByteCursor.Underrun` for what is no string, or no UTF-8.
    func text(_ value: Value) throws -> String {
        guard value.isString else { throw failure("a string expected", at: value.offset) }
        var bytes: [UInt8] = []
        try append(value, to: &bytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw failure("text that is not UTF-8", at: value.offset)
        }
        return text
    }

    func integer(_ value: Value) throws -> Int64 {
        guard value.kind == .number, let number = Int64(String(decoding: bytes(value), as: UTF8.self)) else {
            throw failure("a whole number expected", at: value.offset)
        }
        return number
    }
}
