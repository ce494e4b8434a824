import BSON

// A range becomes `{lower, upper, bounds}`: a bound that isn't there is null, and `bounds` is `[]`, `[)`, `(]`, `()`, or
// `empty` (both are null then). A multirange is an array of them.

extension BSONName {
    fileprivate static let lower = BSONName(constant: "lower")
    fileprivate static let upper = BSONName(constant: "upper")
    fileprivate static let bounds = BSONName(constant: "bounds")
}

/// `range_send`: a byte of flags, then the bounds that are there, each with its length (PostgreSQL source,
/// `rangetypes.h`).
func encodeRange(
    binary bytes: UnsafeRawBufferPointer, of bound: ValueCodec, into writer: inout BSONWriter
) throws(ValueError) {
    var wire = Wire(bytes)
    let flags = try wire.read(UInt8.self)
    guard flags & ~0x1F == 0 else { throw .malformed(.range) }
    let isEmpty = flags & 0x01 != 0
    let start = writer.putDocument()
    writer.key(.lower)
    if isEmpty || flags & 0x08 != 0 { writer.putNull() } else { try encodePart(from: &wire, bound, into: &writer) }
    writer.key(.upper)
    if isEmpty || flags & 0x10 != 0 { writer.putNull() } else { try encodePart(from: &wire, bound, into: &writer) }
    try wire.end()
    putBounds(
        isEmpty ? nil : (flags & 0x02 != 0 ? 0x5B : 0x28, flags & 0x04 != 0 ? 0x5D : 0x29), into: &writer)
    writer.endDocument(start)
}

/// `range_out`: `empty`, `[1,10)`, `(,"x,y"]`.
func encodeRange(
    text bytes: UnsafeRawBufferPointer, of bound: ValueCodec, into writer: inout BSONWriter
) throws(ValueError) {
    var reader = QuotedParts(bytes)
    if bytes.isText("empty") {
        let start = writer.putDocument()
        writer.key(.lower)
        writer.putNull()
        writer.key(.upper)
        writer.putNull()
        putBounds(nil, into: &writer)
        return writer.endDocument(start)
    }
    try encodeRange(from: &reader, of: bound, into: &writer)
    try reader.end()
}

private func encodeRange(
    from reader: inout QuotedParts, of bound: ValueCodec, into writer: inout BSONWriter
) throws(ValueError) {
    let start = writer.putDocument()
    let opening = try reader.take()
    guard opening == 0x5B || opening == 0x28 else { throw .malformed(.range) }
    writer.key(.lower)
    if reader.isAtAny(0x2C, 0x2C) {
        writer.putNull()
    } else {
        try reader.encode(bound, until: 0x2C, 0x2C, into: &writer)
    }
    try reader.expect(0x2C)
    writer.key(.upper)
    if reader.isAtAny(0x5D, 0x29) {
        writer.putNull()
    } else {
        try reader.encode(bound, until: 0x5D, 0x29, into: &writer)
    }
    putBounds((opening, try reader.take()), into: &writer)
    writer.endDocument(start)
}

private func putBounds(_ bounds: (UInt8, UInt8)?, into writer: inout BSONWriter) {
    writer.key(.bounds)
    let start = writer.beginString()
    if let bounds {
        writer.appendToString(bounds.0)
        writer.appendToString(bounds.1)
    } else {
        for byte in "empty".utf8 { writer.appendToString(byte) }
    }
    writer.endString(start)
}

/// `multirange_send`: how many ranges, each with its length.
func encodeMultirange(
    binary bytes: UnsafeRawBufferPointer, of bound: ValueCodec, into writer: inout BSONWriter
) throws(ValueError) {
    var wire = Wire(bytes)
    let count = Int(try wire.read(Int32.self))
    guard count >= 0 else { throw .malformed(.range) }
    let limit = sizeLimit(writer)
    let start = writer.putArray()
    for index in 0..<count {
        writer.key(index: index)
        try encodeRange(binary: try wire.take(Int(try wire.read(Int32.self))), of: bound, into: &writer)
        if writer.count > limit { throw .tooLarge }
    }
    try wire.end()
    writer.endDocument(start)
}

/// `multirange_out`: `{[1,3),[5,7)}`.
func encodeMultirange(
    text bytes: UnsafeRawBufferPointer, of bound: ValueCodec, into writer: inout BSONWriter
) throws(ValueError) {
    var reader = QuotedParts(bytes)
    try reader.expect(0x7B)
    let limit = sizeLimit(writer)
    let start = writer.putArray()
    var index = 0
    while index > 0 || !reader.isAtAny(0x7D, 0x7D) {
        writer.key(index: index)
        try encodeRange(from: &reader, of: bound, into: &writer)
        if writer.count > limit { throw .tooLarge }
        index += 1
        if reader.isAtAny(0x7D, 0x7D) { break }
        try reader.expect(0x2C)
    }
    try reader.expect(0x7D)
    try reader.end()
    writer.endDocument(start)
}
