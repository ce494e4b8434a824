import BSON

// Types of PostgreSQL's own inner life become the server's text; int2vector and oidvector arrays of numbers.

/// `tidsend`: block and offset.
func encodeTID(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let (block, offset) = (try wire.read(UInt32.self), try wire.read(UInt16.self))
    try wire.end()
    let start = writer.beginString()
    writer.appendToString("(")
    writer.appendDecimal(UInt64(block))
    writer.appendToString(",")
    writer.appendDecimal(UInt64(offset))
    writer.appendToString(")")
    writer.endString(start)
}

/// `pg_snapshot_send`: how many running transactions, xmin, xmax, these.
func encodeSnapshot(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let count = Int(try wire.read(Int32.self))
    let start = writer.beginString()
    writer.appendDecimal(try wire.read())
    writer.appendToString(":")
    writer.appendDecimal(try wire.read())
    writer.appendToString(":")
    guard count >= 0, count == wire.remaining / 8 else { throw .malformed(.length) }
    for index in 0..<count {
        if index > 0 { writer.appendToString(",") }
        writer.appendDecimal(try wire.read())
    }
    try wire.end()
    writer.endString(start)
}

/// A byte with the version of the form, 1, then the text: jsonpath, ltree, lquery, ltxtquery.
func encodeVersionedText(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    guard try wire.read(UInt8.self) == 1 else { throw .malformed(.version) }
    try encodeText(try wire.take(wire.remaining), into: &writer)
}

/// `int2vectorout`, `oidvectorout`: numbers with spaces between them.
func encodeVector(
    text bytes: UnsafeRawBufferPointer, of element: ScalarCodec, into writer: inout BSONWriter
) throws(ValueError) {
    let start = writer.putArray()
    var index = 0
    for number in bytes.split(separator: 0x20) {
        writer.key(index: index)
        try element.encode(text: UnsafeRawBufferPointer(rebasing: number), into: &writer)
        index += 1
    }
    writer.endDocument(start)
}
