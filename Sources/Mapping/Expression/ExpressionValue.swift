import Model

/// A value while an expression is computed; what it means besides is said by its type.
enum ExpressionValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// Of smallint, integer and bigint.
    case integer(Int64)
    case numeric(PostgresNumeric)
    /// Of real and double precision.
    case double(Double)
    /// UTF-8 of text, a label, json or jsonb, and the 36 characters of a uuid.
    case text([UInt8])
    /// Days since 2000-01-01, the extremes of Int32 being the infinities.
    case days(Int64)
    /// Microseconds since 2000-01-01 (UTC), the extremes of Int64 being the infinities.
    case moment(Int64)
    /// The length of each dimension of an array; none when it is empty.
    case lengths([Int])
}

extension ExpressionValue {
    /// From what the type's send function made, or its output function.
    init(_ bytes: UnsafeRawBufferPointer, isBinary: Bool, _ type: ExpressionType) throws(ValueError) {
        switch type {
        case .bool: self = .bool(try ExpressionValue.bool(bytes, isBinary))
        case .int2: self = .integer(Int64(try whole(bytes, isBinary, Int16.self)))
        case .int4: self = .integer(Int64(try whole(bytes, isBinary, Int32.self)))
        case .int8: self = .integer(try whole(bytes, isBinary, Int64.self))
        case .numeric: self = .numeric(try ExpressionValue.numeric(bytes, isBinary))
        case .float4: self = .double(try ExpressionValue.float4(bytes, isBinary))
        case .float8:
            self = .double(try isBinary ? Double(bitPattern: Wire.only(bytes)) : PostgresDouble.read(bytes))
        case .text, .label, .json, .unknown: self = .text(try ExpressionValue.text(bytes))
        case .jsonb:
            guard !isBinary || bytes.first == 1 else { throw .malformed(.json) }
            self = .text(try ExpressionValue.text(UnsafeRawBufferPointer(rebasing: bytes[(isBinary ? 1 : 0)...])))
        case .padded:
            let end = bytes.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? 0
            self = .text(try ExpressionValue.text(UnsafeRawBufferPointer(rebasing: bytes[..<end])))
        case .date: self = .days(try isBinary ? Int64(Wire.only(bytes, Int32.self)) : Moment.days(text: bytes))
        case .timestamp, .timestamptz:
            self = .moment(try isBinary ? Wire.only(bytes) : timestampMicroseconds(text: bytes))
        case .uuid: self = .text(try ExpressionValue.uuid(bytes, isBinary))
        case .array(let type):
            let delimiter = if case .array(_, let delimiter) = type.shape { delimiter } else { UInt8(ascii: ",") }
            self = .lengths(try isBinary ? arrayLengths(binary: bytes) : arrayLengths(text: bytes, delimiter))
        // Nothing but whether it is NULL is ever asked.
        case .opaque, .composite: self = .bool(true)
        }
    }

    private static func bool(_ bytes: UnsafeRawBufferPointer, _ isBinary: Bool) throws(ValueError) -> Bool {
        guard bytes.count == 1 else { throw .malformed(.boolean) }
        switch bytes[0] {
        case isBinary ? 1 : 0x74: return true
        case isBinary ? 0 : 0x66: return false
        default: throw .malformed(.boolean)
        }
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) throws(ValueError) -> [UInt8] {
        guard isUTF8(bytes) else { throw .refused(.utf8) }
        return Array(bytes)
    }

    private static func numeric(_ bytes: UnsafeRawBufferPointer, _ isBinary: Bool) throws(ValueError) -> PostgresNumeric
    {
        if isBinary { return try PostgresNumeric(binary: bytes) }
        do {
            return try PostgresNumeric(text: bytes)
        } catch {
            throw .malformed(.digits)
        }
    }

    private static func float4(_ bytes: UnsafeRawBufferPointer, _ isBinary: Bool) throws(ValueError) -> Double {
        if isBinary { return Double(Float(bitPattern: try Wire.only(bytes))) }
        guard let value = Float(String(decoding: bytes, as: UTF8.self)) else { throw .malformed(.digits) }
        return Double(value)
    }

    /// In lower case with hyphens, as `uuid_out` writes it.
    private static func uuid(_ bytes: UnsafeRawBufferPointer, _ isBinary: Bool) throws(ValueError) -> [UInt8] {
        guard bytes.count == (isBinary ? 16 : 36) else { throw .malformed(.uuid) }
        guard isBinary else { return Array(bytes) }
        var text: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(0x2D) }
            for digit in [byte >> 4, byte & 15] { text.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
        }
        return text
    }
}

private func whole<Number: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ isBinary: Bool, _: Number.Type
) throws(ValueError) -> Number { try isBinary ? Wire.only(bytes) : integer(text: bytes) }

/// The lengths of the dimensions at the front of what `array_send` makes (see `encodeArray`).
private func arrayLengths(binary bytes: UnsafeRawBufferPointer) throws(ValueError) -> [Int] {
    var wire = Wire(bytes)
    let count = try wire.read(Int32.self)
    guard (0...6).contains(count) else { throw .malformed(.array) }
    _ = try wire.take(8)
    var lengths: [Int] = []
    for _ in 0..<count {
        lengths.append(Int(try wire.read(Int32.self)))
        _ = try wire.take(4)
    }
    // As many as there are bytes for (`encodeArray`), so that their product is a number.
    var elements = 1
    for length in lengths {
        let (product, overflow) = elements.multipliedReportingOverflow(by: length)
        guard length >= 0, !overflow else { throw .malformed(.array) }
        elements = product
    }
    return lengths
}

/// The same from what `array_out` makes: the elements of the first array of each level are counted.
private func arrayLengths(text bytes: UnsafeRawBufferPointer, _ delimiter: UInt8) throws(ValueError) -> [Int] {
    guard let start = bytes.firstIndex(of: 0x7B) else { throw .malformed(.array) }
    var (lengths, closed, depth): ([Int], [Bool], Int) = ([], [], 0)
    var (isQuoted, hasElement) = (false, false)
    var offset = start
    while offset < bytes.count {
        switch bytes[offset] {
        case 0x5C: offset += 1
        case 0x22:
            isQuoted.toggle()
            hasElement = true
        case _ where isQuoted: break
        case 0x7B:
            depth += 1
            if depth > lengths.count {
                lengths.append(0)
                closed.append(false)
            }
            hasElement = false
        case 0x7D, delimiter:
            guard depth > 0 else { throw .malformed(.array) }
            if hasElement, !closed[depth - 1] { lengths[depth - 1] += 1 }
            let isEnd = bytes[offset] == 0x7D
            if isEnd {
                closed[depth - 1] = true
                depth -= 1
            }
            // What was closed is an element of what is around it.
            hasElement = isEnd
        default: hasElement = true
        }
        offset += 1
    }
    guard depth == 0 else { throw .malformed(.array) }
    return lengths == [0] ? [] : lengths
}
