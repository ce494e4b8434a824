/// Whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates. Zero bytes are
/// fine, a BSON string can hold them.
func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    let count = bytes.count
    while offset < count {
        while offset &+ 8 <= count,
            bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            offset &+= 8
        }
        guard offset < count else { return true }
        // What is left is less than eight bytes or begins with one that is not ASCII.
        if count &- offset < 8, count >= 8,
            bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            return true
        }
        let size = scalarSize(bytes, at: offset)
        if size == 0 { return false }
        offset &+= size
    }
    return true
}

/// Bytes of the scalar at `offset`, 0 when there is none.
@inline(__always)
private func scalarSize(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    let first = bytes[offset]
    if first < 0x80 { return 1 }
    let size: Int
    switch first {
    case 0xC2...0xDF: size = 2
    case 0xE0...0xEF: size = 3
    case 0xF0...0xF4: size = 4
    default: return 0
    }
    guard bytes.count - offset >= size else { return 0 }
    for index in 1..<size where bytes[offset + index] & 0xC0 != 0x80 { return 0 }
    switch (first, bytes[offset + 1]) {
    case (0xE0, ..<0xA0), (0xED, 0xA0...), (0xF0, ..<0x90), (0xF4, 0x90...): return 0
    default: return size
    }
}
