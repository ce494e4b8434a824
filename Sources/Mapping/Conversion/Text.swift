import BSON

// text, varchar, bpchar (padding included), name, "char", citext, refcursor and enums become strings.

func encodeText(_ bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count <= MappingPlan.maximumDocumentSize else { throw .tooLarge }
    guard isUTF8(bytes) else { throw .refused(.utf8) }
    writer.put(string: bytes)
}

func encodeText(_ bytes: [UInt8], into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count <= MappingPlan.maximumDocumentSize else { throw .tooLarge }
    guard bytes.withUnsafeBytes(isUTF8) else { throw .refused(.utf8) }
    bytes.withUnsafeBytes { writer.put(string: $0) }
}

/// `charsend`: the one byte, whatever it is.
func encodeChar(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    putChar(try Wire.only(bytes), into: &writer)
}

/// `charout`: nothing for the zero byte; a backslash and three octal digits for bytes above 127 (before PostgreSQL 15
/// the byte itself).
func encodeChar(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    if bytes.count == 1 { return putChar(bytes[0], into: &writer) }
    try encodeText(bytes, into: &writer)
}

private func putChar(_ byte: UInt8, into writer: inout BSONWriter) {
    let start = writer.beginString()
    if byte >= 0x80 {
        writer.appendToString(0x5C)
        writer.appendToString(0x30 + byte >> 6)
        writer.appendToString(0x30 + byte >> 3 & 7)
        writer.appendToString(0x30 + byte & 7)
    } else if byte != 0 {
        writer.appendToString(byte)
    }
    writer.endString(start)
}
