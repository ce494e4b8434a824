/// Reads big-endian numbers and strings from one message. Every read is checked and throws `Underrun` at the offset
/// where bytes were missing.
///
/// It borrows the memory: whoever makes one keeps the block alive while it is used.
struct ByteCursor {
    struct Underrun: Error {
        let offset: Int
        let reason: String
    }

    let base: UnsafeRawPointer
    let end: Int
    var offset: Int

    init(base: UnsafeRawPointer, offset: Int, end: Int) {
        self.base = base
        self.offset = offset
        self.end = end
    }

    @inline(__always)
    mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) throws -> Integer {
        let size = MemoryLayout<Integer>.size
        guard end - offset >= size else { throw Underrun(offset: offset, reason: "\(size) bytes expected") }
        let value = base.loadUnaligned(fromByteOffset: offset, as: Integer.self)
        offset += size
        return Integer(bigEndian: value)
    }

    /// Passes over `count` bytes and returns where they began.
    @inline(__always)
    mutating func skip(_ count: Int) throws -> Int {
        guard count >= 0, end - offset >= count else {
            throw Underrun(offset: offset, reason: "a length of \(count) with \(end - offset) bytes left")
        }
        defer { offset += count }
        return offset
    }

    /// A string that ends with a zero byte.
    mutating func string() throws -> String {
        let start = offset
        while offset < end {
            let byte = base.load(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            guard byte == 0 else { continue }
            let bytes = UnsafeRawBufferPointer(start: base + start, count: offset - 1 - start)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Underrun(offset: start, reason: "text that is not UTF-8")
            }
            return text
        }
        throw Underrun(offset: start, reason: "a string without an end")
    }

    /// - Throws: `Underrun` when something is left.
    func expectEnd() throws {
        guard offset == end else { throw Underrun(offset: offset, reason: "\(end - offset) bytes too many") }
    }
}
