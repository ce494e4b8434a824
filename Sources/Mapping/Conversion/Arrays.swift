import BSON

// Arrays become BSON arrays, one level for each dimension, null elements as null. Lower bounds other than 1 are lost.
// An empty array is empty whatever its dimensions.

private let maximumDimensions = 6

/// `array_send`: dimensions, a flag for nulls, the element's type; for each dimension its length and lower bound; then
/// the elements in row-major order, each with its length or -1 for null.
func encodeArray(
    binary bytes: UnsafeRawBufferPointer, of element: ValueCodec, into writer: inout BSONWriter
) throws(ValueError) {
    guard element.hasBinary else { throw .noBinaryCodec }
    var wire = Wire(bytes)
    let count = Int(try wire.read(Int32.self))
    guard (0...maximumDimensions).contains(count) else { throw .malformed(.array) }
    _ = try wire.take(8)
    var lengths: [Int] = []
    var elements = 1
    for _ in 0..<count {
        let length = Int(try wire.read(Int32.self))
        _ = try wire.read(Int32.self)
        // Every element has at least its length on the wire, so a product beyond that is a lie.
        let (product, overflow) = elements.multipliedReportingOverflow(by: length)
        guard length >= 0, !overflow, product <= bytes.count / 4 else { throw .malformed(.array) }
        elements = product
        lengths.append(length)
    }
    var reader = BinaryArray(wire: wire, lengths: lengths, element: element, limit: sizeLimit(writer))
    try reader.encode(dimension: 0, into: &writer)
    try reader.wire.end()
}

/// Where the writer may not be any more: checked while containers grow, so that memory stays bounded.
func sizeLimit(_ writer: borrowing BSONWriter) -> Int { writer.count + MappingPlan.maximumDocumentSize }

private struct BinaryArray {
    var wire: Wire
    let lengths: [Int]
    let element: ValueCodec
    let limit: Int

    mutating func encode(dimension: Int, into writer: inout BSONWriter) throws(ValueError) {
        let start = writer.putArray()
        for index in 0..<(dimension < lengths.count ? lengths[dimension] : 0) {
            if writer.count > limit { throw .tooLarge }
            writer.key(index: index)
            if dimension + 1 < lengths.count {
                try encode(dimension: dimension + 1, into: &writer)
                continue
            }
            let size = Int(try wire.read(Int32.self))
            if size == -1 {
                writer.putNull()
            } else {
                try element.encode(try wire.take(size), isBinary: true, into: &writer)
            }
        }
        writer.endDocument(start)
    }
}

/// `array_out`: `{1,NULL,"with \"quotes\""}`, in front of it `[0:2]=` when a lower bound is not 1.
func encodeArray(
    text bytes: UnsafeRawBufferPointer, of element: ValueCodec, delimiter: UInt8, into writer: inout BSONWriter
) throws(ValueError) {
    var reader = TextArray(bytes: bytes, element: element, delimiter: delimiter, limit: sizeLimit(writer))
    try reader.skipBounds()
    try reader.encode(depth: 1, into: &writer)
    guard reader.offset == bytes.count else { throw .malformed(.array) }
}

private struct TextArray {
    let bytes: UnsafeRawBufferPointer
    let element: ValueCodec
    let delimiter: UInt8
    let limit: Int
    var offset = 0

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func skipBounds() throws(ValueError) {
        guard peek == 0x5B else { return }
        guard let equals = bytes.firstIndex(of: 0x3D) else { throw .malformed(.array) }
        offset = equals + 1
    }

    mutating func encode(depth: Int, into writer: inout BSONWriter) throws(ValueError) {
        guard peek == 0x7B, depth <= maximumDimensions else { throw .malformed(.array) }
        offset += 1
        let start = writer.putArray()
        var index = 0
        while peek != 0x7D || index > 0 {
            writer.key(index: index)
            if peek == 0x7B {
                try encode(depth: depth + 1, into: &writer)
            } else {
                try encodeElement(into: &writer)
            }
            if writer.count > limit { throw .tooLarge }
            index += 1
            if peek == 0x7D { break }
            guard peek == delimiter else { throw .malformed(.array) }
            offset += 1
        }
        offset += 1
        writer.endDocument(start)
    }

    private mutating func encodeElement(into writer: inout BSONWriter) throws(ValueError) {
        if peek == 0x22 {
            offset += 1
            return try encodeQuoted(into: &writer)
        }
        let start = offset
        var isEscaped = false
        while let byte = peek, byte != delimiter, byte != 0x7D {
            if byte == 0x5C {
                isEscaped = true
                offset += 1
            }
            offset += 1
        }
        guard offset > start, offset <= bytes.count else { throw .malformed(.array) }
        let text = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
        if text.isText("NULL") {
            writer.putNull()
        } else {
            try encode(text, isEscaped: isEscaped, into: &writer)
        }
    }

    private mutating func encodeQuoted(into writer: inout BSONWriter) throws(ValueError) {
        let start = offset
        var isEscaped = false
        while let byte = peek, byte != 0x22 {
            if byte == 0x5C {
                isEscaped = true
                offset += 1
            }
            offset += 1
        }
        guard offset < bytes.count else { throw .malformed(.array) }
        let text = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
        offset += 1
        try encode(text, isEscaped: isEscaped, into: &writer)
    }

    private func encode(
        _ text: UnsafeRawBufferPointer, isEscaped: Bool, into writer: inout BSONWriter
    ) throws(ValueError) {
        guard isEscaped else { return try element.encode(text, isBinary: false, into: &writer) }
        let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
        defer { plain.deallocate() }
        var count = 0
        var index = 0
        while index < text.count {
            if text[index] == 0x5C { index += 1 }
            guard index < text.count else { throw .malformed(.array) }
            plain[count] = text[index]
            count += 1
            index += 1
        }
        try element.encode(UnsafeRawBufferPointer(rebasing: plain[..<count]), isBinary: false, into: &writer)
    }
}
