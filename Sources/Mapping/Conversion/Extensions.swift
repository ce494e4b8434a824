import BSON

// hstore becomes a document, pgvector's types arrays of doubles.

/// `hstore_send`: how many pairs; each with the length of the key, the key, the length of the value or -1 for null, the
/// value.
func encodeHStore(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let count = Int(try wire.read(Int32.self))
    guard count >= 0 else { throw .malformed(.hstore) }
    let limit = sizeLimit(writer)
    let start = writer.putDocument()
    for _ in 0..<count {
        let key = try wire.take(Int(try wire.read(Int32.self)))
        try putKey(key, into: &writer)
        let size = Int(try wire.read(Int32.self))
        if size == -1 { writer.putNull() } else { try encodeText(try wire.take(size), into: &writer) }
        if writer.count > limit { throw .tooLarge }
    }
    try wire.end()
    writer.endDocument(start)
}

private func putKey(_ key: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard isUTF8(key) else { throw .refused(.utf8) }
    if key.contains(0) { throw .malformed(.hstore) }
    writer.key(bytes: key)
}

/// `hstore_out`: `"key"=>"value", "other"=>NULL`, with quotes and backslashes behind a backslash.
func encodeHStore(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var reader = HStoreText(bytes: bytes)
    let limit = sizeLimit(writer)
    let start = writer.putDocument()
    while !reader.isAtEnd {
        let key = try reader.quoted()
        try key.withUnsafeBufferPointer { (key) throws(ValueError) in
            try putKey(UnsafeRawBufferPointer(key), into: &writer)
        }
        try reader.expect("=>")
        if reader.skips("NULL") {
            writer.putNull()
        } else {
            try encodeText(try reader.quoted(), into: &writer)
        }
        if writer.count > limit { throw .tooLarge }
        if !reader.isAtEnd { try reader.expect(", ") }
    }
    writer.endDocument(start)
}

private struct HStoreText {
    let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func skips(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard offset + count <= bytes.count,
            UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]).isText(text)
        else { return false }
        offset += count
        return true
    }

    mutating func expect(_ text: StaticString) throws(ValueError) {
        guard skips(text) else { throw .malformed(.hstore) }
    }

    mutating func quoted() throws(ValueError) -> [UInt8] {
        try expect("\"")
        var text: [UInt8] = []
        while offset < bytes.count, bytes[offset] != 0x22 {
            if bytes[offset] == 0x5C { offset += 1 }
            guard offset < bytes.count else { throw .malformed(.hstore) }
            text.append(bytes[offset])
            offset += 1
        }
        try expect("\"")
        return text
    }
}

/// `vector_send` of pgvector: how many dimensions, a number without use, float4 each.
func encodeFloatVector(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let count = Int(try wire.read(UInt16.self))
    _ = try wire.read(UInt16.self)
    let start = writer.putArray()
    for index in 0..<count {
        writer.key(index: index)
        try encodeFloat4(binary: try wire.take(4), into: &writer)
    }
    try wire.end()
    writer.endDocument(start)
}

/// `vector_out`: `[1,2.5]`.
func encodeFloatVector(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count >= 2, bytes[0] == 0x5B, bytes[bytes.count - 1] == 0x5D else { throw .malformed(.array) }
    let start = writer.putArray()
    var index = 0
    for number in bytes[1..<(bytes.count - 1)].split(separator: 0x2C) {
        writer.key(index: index)
        try encodeFloat4(text: UnsafeRawBufferPointer(rebasing: number), into: &writer)
        index += 1
    }
    writer.endDocument(start)
}
