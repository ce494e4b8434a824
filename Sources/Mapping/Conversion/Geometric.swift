import BSON

// point becomes a GeoJSON point; line, lseg, box, path, polygon and circle the server's text.

/// `point_send`: x, y.
func encodePoint(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let (x, y) = (try wire.readDouble(), try wire.readDouble())
    try wire.end()
    putPoint(x, y, into: &writer)
}

/// `point_out`: `(1.5,-2)`.
func encodePoint(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count > 4, bytes[0] == 0x28, bytes[bytes.count - 1] == 0x29, let comma = bytes.firstIndex(of: 0x2C)
    else { throw .malformed(.geometry) }
    let x = try double(text: UnsafeRawBufferPointer(rebasing: bytes[1..<comma]))
    let y = try double(text: UnsafeRawBufferPointer(rebasing: bytes[(comma + 1)..<(bytes.count - 1)]))
    putPoint(x, y, into: &writer)
}

private func putPoint(_ x: Double, _ y: Double, into writer: inout BSONWriter) {
    let start = writer.putDocument()
    writer.key(.type)
    writer.put(string: "Point")
    let coordinates = writer.beginArray(.coordinates)
    for (index, number) in [x, y].enumerated() {
        writer.key(index: index)
        putDouble(number, into: &writer)
    }
    writer.endDocument(coordinates)
    writer.endDocument(start)
}

enum GeometricShape: UInt8 {
    case line, lseg, box, path, polygon, circle
}

/// The binary forms are nothing but numbers, those of a path with whether it is closed in front (PostgreSQL source,
/// `geo_ops.c`).
func encodeGeometric(
    binary bytes: UnsafeRawBufferPointer, _ shape: GeometricShape, into writer: inout BSONWriter
) throws(ValueError) {
    var wire = Wire(bytes)
    let start = writer.beginString()
    switch shape {
    case .line:
        writer.appendToString("{")
        try appendNumbers(3, from: &wire, to: &writer)
        writer.appendToString("}")
    case .lseg:
        writer.appendToString("[")
        try appendPoints(2, from: &wire, to: &writer)
        writer.appendToString("]")
    case .box: try appendPoints(2, from: &wire, to: &writer)
    case .circle:
        writer.appendToString("<")
        try appendPoints(1, from: &wire, to: &writer)
        writer.appendToString(",")
        try appendNumbers(1, from: &wire, to: &writer)
        writer.appendToString(">")
    case .path, .polygon:
        let isClosed = shape == .polygon ? true : try wire.read(UInt8.self) != 0
        let count = Int(try wire.read(Int32.self))
        guard count >= 0, count <= wire.remaining / 16 else { throw .malformed(.geometry) }
        writer.appendToString(isClosed ? "(" : "[")
        try appendPoints(count, from: &wire, to: &writer)
        writer.appendToString(isClosed ? ")" : "]")
    }
    try wire.end()
    writer.endString(start)
}

private func appendPoints(_ count: Int, from wire: inout Wire, to writer: inout BSONWriter) throws(ValueError) {
    let limit = sizeLimit(writer)
    for index in 0..<count {
        writer.appendToString(index == 0 ? "(" : ",(")
        try appendNumbers(2, from: &wire, to: &writer)
        writer.appendToString(")")
        if writer.count > limit { throw .tooLarge }
    }
}

private func appendNumbers(_ count: Int, from wire: inout Wire, to writer: inout BSONWriter) throws(ValueError) {
    for index in 0..<count {
        if index > 0 { writer.appendToString(",") }
        writer.appendFloat8Text(try wire.readDouble())
    }
}

extension Wire {
    mutating func readDouble() throws(ValueError) -> Double { Double(bitPattern: try read()) }
}
