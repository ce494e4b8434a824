import BSON

// Composite types become documents: their attributes in order, nulls as null.

// An attribute that was added to the type later is not in the older values, and null as it is for PostgreSQL.

/// `record_send`: how many attributes; each with the oid of its type, and its length or -1 for null.
func encodeComposite(
    binary bytes: UnsafeRawBufferPointer, of attributes: [ValueCodec.Attribute], into writer: inout BSONWriter
) throws(ValueError) {
    var wire = Wire(bytes)
    let count = Int(try wire.read(Int32.self))
    guard count <= attributes.count else { throw .typeChanged }
    let limit = sizeLimit(writer)
    let start = writer.putDocument()
    for (index, attribute) in attributes.enumerated() {
        attribute.begin(in: &writer)
        guard index < count else {
            writer.putNull()
            continue
        }
        let oid = try wire.read(UInt32.self)
        guard attribute.oid == 0 || oid == attribute.oid else { throw .typeChanged }
        try encodePart(from: &wire, attribute.codec, into: &writer)
        if writer.count > limit { throw .tooLarge }
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
    let limit = sizeLimit(writer)
    let start = writer.putDocument()
    try reader.expect(0x28)
    for (index, attribute) in attributes.enumerated() {
        attribute.begin(in: &writer)
        if index > 0, !reader.isAtAny(0x29, 0x29) { try reader.expect(0x2C) }
        if reader.isAtAny(0x2C, 0x29) {
            writer.putNull()
        } else {
            try reader.encode(attribute.codec, until: 0x2C, 0x29, into: &writer)
        }
        if writer.count > limit { throw .tooLarge }
    }
    if reader.isAtAny(0x2C, 0x2C) { throw .typeChanged }
    try reader.expect(0x29)
    try reader.end()
    writer.endDocument(start)
}

extension ValueCodec.Attribute {
    fileprivate func begin(in writer: inout BSONWriter) {
        head.withUnsafeBytes { writer.key(head: $0) }
    }
}
