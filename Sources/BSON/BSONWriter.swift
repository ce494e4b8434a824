import Foundation

/// Appends BSON to one growing buffer that holds many documents back to back.
///
/// An element is a key and then a value: `key(…)` writes the name and leaves room for the type, the following `put(…)`
/// writes the value and fills the type in. `append(…, name)` does both. A nested document is `beginDocument(name)`, its
/// elements, `endDocument(start)`. Nothing is checked here beyond memory: a key without a value, or an `endDocument`
/// that is missing, makes bytes that are not BSON.
///
/// What every value needs is `@inlinable`: Mapping calls it some hundred times a row.
///
/// `@unchecked Sendable`: the struct can't be copied, so its one owner is the only one who reads or writes the memory.
package struct BSONWriter: ~Copyable, @unchecked Sendable {
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    /// Bytes written so far.
    @usableFromInline var end = 0
    /// Where the type byte of the element begun last goes.
    @usableFromInline var typeOffset = 0

    /// `capacity` is in bytes; the buffer doubles when it is full.
    package init(capacity: Int = 4096) { (base, self.capacity) = BufferPool.take(max(capacity, 64)) }

    deinit { BufferPool.give(base, capacity) }

    /// Bytes written so far.
    @inlinable package var count: Int { end }

    /// Forgets everything from `count` on; the memory stays.
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= end)
        end = count
    }

    /// Lends all bytes written so far; the pointer is valid inside `body` only.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: base, count: end))
    }

    /// Lends the bytes of `range` (as an `encode…` function returned it); the pointer is valid inside `body` only.
    package func withUnsafeBytes<Result, Failure: Error>(
        in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= end)
        return try body(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// Copies the bytes of `range`.
    package func bytes(in range: Range<Int>) -> [UInt8] { withUnsafeBytes(in: range) { Array($0) } }

    /// Whether the bytes of both ranges are the same.
    package func hasEqualBytes(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        precondition(min(left.lowerBound, right.lowerBound) >= 0 && max(left.upperBound, right.upperBound) <= end)
        return left.count == right.count && memcmp(base + left.lowerBound, base + right.lowerBound, left.count) == 0
    }

    // MARK: documents

    /// Begins a document that is not inside another one; returns where, for `endDocument`.
    @inlinable package mutating func beginDocument() -> Int {
        let start = end
        store(Int32(0))
        return start
    }

    /// Ends what any of the `begin…` functions began: writes the terminator and the length.
    @inlinable package mutating func endDocument(_ start: Int) {
        store(UInt8(0))
        (base + start).storeBytes(of: Int32(truncatingIfNeeded: end - start).littleEndian, as: Int32.self)
    }

    /// The value of the element begun last is a document; ended by `endDocument`.
    @inlinable package mutating func putDocument() -> Int {
        type(.document)
        return beginDocument()
    }

    /// The value of the element begun last is an array, its keys are `key(index:)`; ended by `endDocument`.
    @inlinable package mutating func putArray() -> Int {
        type(.array)
        return beginDocument()
    }

    // MARK: keys

    /// Begins an element.
    package mutating func key(_ name: BSONName) {
        typeOffset = end
        store(UInt8(0))
        name.bytes.withUnsafeBytes { raw($0) }
    }

    /// Begins an element whose name is `name`, without a trailing zero byte. The caller has checked that there is no
    /// zero byte in it and that it is UTF-8.
    package mutating func key(bytes name: UnsafeRawBufferPointer) {
        typeOffset = end
        reserve(name.count + 2)
        (base + end).storeBytes(of: 0, as: UInt8.self)
        if let source = name.baseAddress { (base + end + 1).copyMemory(from: source, byteCount: name.count) }
        (base + end + 1 + name.count).storeBytes(of: 0, as: UInt8.self)
        end += name.count + 2
    }

    /// Begins an element from its ready-made head: a byte of room for the type, the name, a zero byte.
    @inlinable package mutating func key(head: UnsafeRawBufferPointer) {
        typeOffset = end
        raw(head)
    }

    /// Begins an element of an array: the key is the index in decimal digits.
    @inlinable package mutating func key(index: Int) {
        typeOffset = end
        guard index < 10 else { return longKey(index) }
        store(UInt16(truncatingIfNeeded: 0x30 + index) << 8)
        store(UInt8(0))
    }

    @usableFromInline mutating func longKey(_ index: Int) {
        store(UInt8(0))
        decimal(UInt64(truncatingIfNeeded: index))
        store(UInt8(0))
    }

    /// Begins an element whose name is written piece by piece with `appendToString`; the caller sees to it that there
    /// is no zero byte. Returns what `endKey` wants.
    @inlinable package mutating func beginKey() -> Int {
        let start = end
        store(UInt8(0))
        return start
    }

    @inlinable package mutating func endKey(_ start: Int) {
        store(UInt8(0))
        typeOffset = start
    }

    // MARK: memory

    /// Keeps only `ranges` (ascending, not overlapping) of what was written from `start` on, and moves them together.
    package mutating func compact(from start: Int, keeping ranges: [Range<Int>]) {
        var target = start
        for range in ranges {
            precondition(range.lowerBound >= target && range.upperBound <= end)
            (base + target).copyMemory(from: base + range.lowerBound, byteCount: range.count)
            target += range.count
        }
        end = target
    }

    @inlinable @inline(__always)
    mutating func type(_ type: BSONType) {
        (base + typeOffset).storeBytes(of: type.rawValue, as: UInt8.self)
    }

    /// Makes room for `additional` bytes behind `count`.
    @inlinable @inline(__always)
    package mutating func reserve(_ additional: Int) {
        if capacity &- end < additional { grow(additional) }
    }

    /// Behind `count`, where `reserve` has made room: for bytes that `advance` takes in.
    @inlinable package var room: UnsafeMutableRawPointer { base + end }

    @inlinable package mutating func advance(_ count: Int) {
        assert(capacity - end >= count)
        end &+= count
    }

    @usableFromInline @inline(never) mutating func grow(_ additional: Int) {
        let (memory, larger) = BufferPool.take(max(capacity * 2, end + additional))
        memory.copyMemory(from: base, byteCount: end)
        BufferPool.give(base, capacity)
        base = memory
        capacity = larger
    }

    @inlinable @inline(__always)
    mutating func store<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        let size = MemoryLayout<Number>.size
        reserve(size)
        (base + end).storeBytes(of: number.littleEndian, as: Number.self)
        end &+= size
    }

    @inlinable @inline(__always)
    mutating func raw(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        (base + end).copyMemory(from: source, byteCount: bytes.count)
        end &+= bytes.count
    }

    mutating func decimal(_ number: UInt64) {
        if number < 10 {
            store(UInt8(truncatingIfNeeded: 48 + number))
            return
        }
        decimal(number / 10)
        store(UInt8(truncatingIfNeeded: 48 + number % 10))
    }
}
