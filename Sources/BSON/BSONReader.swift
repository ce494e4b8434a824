/// Walks the elements of one document without decoding them. Every length is checked before it is used; the values of
/// nested documents are not looked into (`validate` does that).
///
/// Elements point into the bytes given to `init`, and are valid as long as those are.
package struct BSONReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 4

    /// `bytes` is one whole document. Throws `BSONError`.
    package init(_ bytes: UnsafeRawBufferPointer) throws(BSONError) {
        guard bytes.count >= 5 else { throw BSONError(.truncated) }
        guard Int(bytes.loadUnaligned(as: Int32.self).littleEndianValue) == bytes.count else {
            throw BSONError(.length)
        }
        guard bytes[bytes.count - 1] == 0 else { throw BSONError(.terminator, offset: bytes.count - 1) }
        self.bytes = bytes
    }

    /// The next element, nil at the end. Throws `BSONError`.
    package mutating func next() throws(BSONError) -> BSONElement? {
        let limit = bytes.count - 1
        guard offset < limit else { return nil }
        let start = offset
        guard let type = BSONType(rawValue: bytes[start]) else { throw BSONError(.unknownType, offset: start) }
        let nameEnd = try zero(from: start + 1)
        let size = try valueSize(of: type, at: nameEnd + 1)
        offset = nameEnd + 1 + size
        return BSONElement(
            type: type, whole: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), nameCount: nameEnd - start - 1)
    }

    /// Offset of the next zero byte, which must come before the document's own terminator.
    private func zero(from start: Int) throws(BSONError) -> Int {
        var index = start
        while index < bytes.count - 1 {
            if bytes[index] == 0 { return index }
            index += 1
        }
        throw BSONError(.terminator, offset: start)
    }

    private func valueSize(of type: BSONType, at start: Int) throws(BSONError) -> Int {
        let room = bytes.count - 1 - start
        let size: Int
        switch type {
        case .undefined, .null, .minKey, .maxKey: size = 0
        case .bool: size = 1
        case .int32: size = 4
        case .double, .date, .int64, .timestamp: size = 8
        case .objectID: size = 12
        case .decimal128: size = 16
        case .string, .javascript, .symbol: size = try stringSize(at: start, room: room)
        case .dbPointer: size = try stringSize(at: start, room: room) + 12
        case .document, .array: size = try prefix(at: start, room: room, atLeast: 5)
        case .javascriptWithScope: size = try prefix(at: start, room: room, atLeast: 14)
        case .binary: size = try prefix(at: start, room: room, atLeast: 0) + 5
        case .regex: size = try zero(from: try zero(from: start) + 1) + 1 - start
        }
        guard size <= room else { throw BSONError(.truncated, offset: start) }
        if type == .bool, bytes[start] > 1 { throw BSONError(.bool, offset: start) }
        return size
    }

    private func prefix(at start: Int, room: Int, atLeast least: Int) throws(BSONError) -> Int {
        guard room >= 4 else { throw BSONError(.truncated, offset: start) }
        let length = Int(bytes.loadUnaligned(fromByteOffset: start, as: Int32.self).littleEndianValue)
        guard length >= least, length <= room else { throw BSONError(.length, offset: start) }
        return length
    }

    private func stringSize(at start: Int, room: Int) throws(BSONError) -> Int {
        let length = try prefix(at: start, room: room, atLeast: 1)
        guard length + 4 <= room else { throw BSONError(.length, offset: start) }
        guard bytes[start + 4 + length - 1] == 0 else { throw BSONError(.terminator, offset: start) }
        return length + 4
    }
}

extension FixedWidthInteger {
    /// A number that was loaded from little-endian bytes.
    var littleEndianValue: Self { Self(littleEndian: self) }
}
