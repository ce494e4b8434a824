/// Values for the element that `key(…)` began last.
extension BSONWriter {
    @inlinable package mutating func put(int32 value: Int32) {
        type(.int32)
        store(value)
    }

    @inlinable package mutating func put(int64 value: Int64) {
        type(.int64)
        store(value)
    }

    @inlinable package mutating func put(double value: Double) {
        type(.double)
        store(value.bitPattern)
    }

    @inlinable package mutating func put(bool value: Bool) {
        type(.bool)
        store(UInt8(value ? 1 : 0))
    }

    /// Milliseconds since 1970-01-01 00:00 UTC.
    @inlinable package mutating func put(date milliseconds: Int64) {
        type(.date)
        store(milliseconds)
    }

    @inlinable package mutating func put(decimal128 value: Decimal128) {
        type(.decimal128)
        store(value.low)
        store(value.high)
    }

    @inlinable package mutating func putNull() { type(.null) }

    /// The type that MongoDB stores no more: here it stands for a value that was not sent (`PartialDocument`).
    package mutating func putUndefined() { type(.undefined) }

    /// UTF-8 bytes, which the caller has checked; zero bytes are allowed.
    @inlinable package mutating func put(string bytes: UnsafeRawBufferPointer) {
        type(.string)
        reserve(bytes.count + 5)
        (base + end).storeBytes(of: Int32(truncatingIfNeeded: bytes.count + 1).littleEndian, as: Int32.self)
        if let source = bytes.baseAddress { (base + end + 4).copyMemory(from: source, byteCount: bytes.count) }
        (base + end + 4 + bytes.count).storeBytes(of: 0, as: UInt8.self)
        end += bytes.count + 5
    }

    package mutating func put(string text: String) {
        var text = text
        text.withUTF8 { put(string: UnsafeRawBufferPointer($0)) }
    }

    /// Subtype 0 is plain bytes, 4 a UUID (bsonspec.org, "subtype").
    package mutating func put(binary bytes: UnsafeRawBufferPointer, subtype: UInt8) {
        type(.binary)
        store(Int32(truncatingIfNeeded: bytes.count))
        store(subtype)
        raw(bytes)
    }

    /// A ready-made document, copied as it is.
    package mutating func put(document bytes: UnsafeRawBufferPointer) {
        type(.document)
        raw(bytes)
    }

    package mutating func put(document: BSONDocument) {
        document.bytes.withUnsafeBytes { put(document: $0) }
    }

    /// A string that is written piece by piece: `beginString`, then `appendToString`, then `endString` with what
    /// `beginString` returned.
    @inlinable package mutating func beginString() -> Int {
        type(.string)
        let start = end
        store(Int32(0))
        return start
    }

    @inlinable package mutating func appendToString(_ bytes: UnsafeRawBufferPointer) { raw(bytes) }

    @inlinable package mutating func appendToString(_ byte: UInt8) { store(byte) }

    @inlinable package mutating func endString(_ start: Int) {
        store(UInt8(0))
        let length = Int32(truncatingIfNeeded: end - start - 4)
        (base + start).storeBytes(of: length.littleEndian, as: Int32.self)
    }

    /// A binary value of `count` bytes that `fill` writes; they are zero before. When `fill` throws, the writer is left
    /// inside the element: truncate it.
    package mutating func put<Failure: Error>(
        binaryOf count: Int, subtype: UInt8, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        type(.binary)
        store(Int32(truncatingIfNeeded: count))
        store(subtype)
        reserve(count)
        let target = UnsafeMutableRawBufferPointer(start: base + end, count: count)
        target.initializeMemory(as: UInt8.self, repeating: 0)
        end += count
        try fill(target)
    }
}
