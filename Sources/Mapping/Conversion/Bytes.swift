import BSON

// bytea becomes binary subtype 0, uuid binary subtype 4, bit and varbit a string of digits.

func encodeBytes(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count <= MappingPlan.maximumDocumentSize else { throw .tooLarge }
    writer.put(binary: bytes, subtype: 0)
}

/// Both forms of `byteaout`: `\x` and hexadecimal digits, or the older escape form.
func encodeBytes(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count <= 4 * MappingPlan.maximumDocumentSize else { throw .tooLarge }
    guard bytes.count >= 2, bytes[0] == 0x5C, bytes[1] == 0x78 else {
        let plain = try unescaped(bytes)
        plain.withUnsafeBytes { writer.put(binary: $0, subtype: 0) }
        return
    }
    let digits = UnsafeRawBufferPointer(rebasing: bytes[2...])
    guard digits.count % 2 == 0 else { throw .malformed(.bytes) }
    try writer.put(binaryOf: digits.count / 2, subtype: 0) { target throws(ValueError) in
        for index in 0..<target.count {
            guard let byte = hexadecimalByte(digits, at: index * 2) else { throw .malformed(.bytes) }
            target[index] = byte
        }
    }
}

/// The escape form: `\\` is a backslash, `\ooo` a byte in octal, everything else itself.
private func unescaped(_ bytes: UnsafeRawBufferPointer) throws(ValueError) -> [UInt8] {
    var plain: [UInt8] = []
    plain.reserveCapacity(bytes.count)
    var offset = 0
    while offset < bytes.count {
        let byte = bytes[offset]
        offset += 1
        guard byte == 0x5C else {
            plain.append(byte)
            continue
        }
        if offset < bytes.count, bytes[offset] == 0x5C {
            plain.append(0x5C)
            offset += 1
            continue
        }
        guard bytes.count - offset >= 3 else { throw .malformed(.bytes) }
        var value = 0
        for digit in bytes[offset..<offset + 3] {
            guard (0x30...0x37).contains(digit) else { throw .malformed(.bytes) }
            value = value * 8 + Int(digit - 0x30)
        }
        guard value < 256 else { throw .malformed(.bytes) }
        plain.append(UInt8(value))
        offset += 3
    }
    return plain
}

func encodeUUID(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count == 16 else { throw .malformed(.length) }
    writer.put(binary: bytes, subtype: 4)
}

func encodeUUID(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count == 36 else { throw .malformed(.uuid) }
    try writer.put(binaryOf: 16, subtype: 4) { target throws(ValueError) in
        var offset = 0
        for index in 0..<16 {
            if index == 4 || index == 6 || index == 8 || index == 10 {
                guard bytes[offset] == 0x2D else { throw .malformed(.uuid) }
                offset += 1
            }
            guard let byte = hexadecimalByte(bytes, at: offset) else { throw .malformed(.uuid) }
            target[index] = byte
            offset += 2
        }
    }
}

/// `bit_send`: the number of bits, then the bits from the highest of the first byte on.
func encodeBits(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let count = Int(try wire.read(Int32.self))
    guard count >= 0, wire.remaining == (count + 7) / 8 else { throw .malformed(.bits) }
    guard count <= MappingPlan.maximumDocumentSize else { throw .tooLarge }
    let start = writer.beginString()
    for index in 0..<count {
        writer.appendToString(0x30 + bytes[4 + index / 8] >> UInt8(7 - index % 8) & 1)
    }
    writer.endString(start)
}

@inline(__always)
func hexadecimalByte(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt8? {
    guard let high = hexadecimalDigit(bytes[offset]), let low = hexadecimalDigit(bytes[offset + 1]) else { return nil }
    return high << 4 | low
}

@inline(__always)
func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x66: byte - 0x57
    case 0x41...0x46: byte - 0x37
    default: nil
    }
}
