/// Reads numbers in network byte order off the front of a value (PostgreSQL documentation, "Formats and Format Codes":
/// binary forms are big-endian). Throws `.malformed(.length)` instead of reading past the end.
struct Wire {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }

    @inline(__always)
    mutating func read<Number: FixedWidthInteger & BitwiseCopyable>(
        _: Number.Type = Number.self
    ) throws(ValueError) -> Number {
        let size = MemoryLayout<Number>.size
        guard remaining >= size else { throw .malformed(.length) }
        let value = bytes.loadUnaligned(fromByteOffset: offset, as: Number.self)
        offset += size
        return Number(bigEndian: value)
    }

    /// The next `count` bytes; `count` may be any number.
    @inline(__always)
    mutating func take(_ count: Int) throws(ValueError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw .malformed(.length) }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
        offset += count
        return slice
    }

    func end() throws(ValueError) {
        guard remaining == 0 else { throw .malformed(.length) }
    }

    /// The one number that is the whole value.
    @inline(__always)
    static func only<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer, _: Number.Type = Number.self
    ) throws(ValueError) -> Number {
        guard bytes.count == MemoryLayout<Number>.size else { throw .malformed(.length) }
        return Number(bigEndian: bytes.loadUnaligned(as: Number.self))
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes are exactly this ASCII text.
    @inline(__always)
    func isText(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index] != text.utf8Start[index] { return false }
        return true
    }
}
