import BSON

// Composite types become documents: their attributes in order, nulls as null.

/// `record_send`: how many attributes; each with the oid of its type, and its length or -1 for null.
func encodeComposite(
    binary bytes: UnsafeRawBufferPointer, of attributes: [ValueCodec.Attribute], into writer: inout BSONWriter
) throws(ValueError) {
    var wire = Wire(bytes)
    guard Int(try wire.read(Int32.self)) == attributes.count else { throw .malformed(.composite) }
    let start = writer.putDocument()
    for attribute in attributes {
        attribute.begin(in: &writer)
        _ = try wire.read(UInt32.self)
        try encodePart(from: &wire, attribute.codec, into: &writer)
    }
    try wire.end()
    writer.endDocument(start)
}

/// A length and that many bytes in binary form; -1 is null.
func encodePart(from wire: inout Wire, _ codec: ValueCodec, into writer: inout BSONWriter) throws(ValueError) {
    let size = Int(try wire.read(Int32.self))
    if size == -1 { return writer.putNull() }
    try codec.encode(try wire.take(size), isBinary: true, into: &writer)
}

/// `record_out`: `(1,"with ""quotes"" and \\",)`. Nothing at all is null.
func encodeComposite(
    text bytes: UnsafeRawBufferPointer, of attributes: [ValueCodec.Attribute], into writer: inout BSONWriter
) throws(ValueError) {
    var reader = QuotedParts(bytes)
    let start = writer.putDocument()
    try reader.expect(0x28)
    for (index, attribute) in attributes.enumerated() {
        if index > 0 { try reader.expect(0x2C) }
        attribute.begin(in: &writer)
        if reader.isAtAny(0x2C, 0x29) {
            writer.putNull()
        } else {
            try reader.encode(attribute.codec, until: 0x2C, 0x29, into: &writer)
        }
    }
    try reader.expect(0x29)
    try reader.end()
    writer.endDocument(start)
}

extension ValueCodec.Attribute {
    fileprivate func begin(in writer: inout BSONWriter) {
        head.withUnsafeBytes { writer.key(head: $0) }
    }
}
