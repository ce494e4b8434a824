/// Key and value in one call.
extension BSONWriter {
    package mutating func beginDocument(_ name: BSONName) -> Int {
        key(name)
        return putDocument()
    }

    package mutating func beginDocument(index: Int) -> Int {
        key(index: index)
        return putDocument()
    }

    /// The elements of the array follow with `index:`; ended by `endDocument`.
    package mutating func beginArray(_ name: BSONName) -> Int {
        key(name)
        return putArray()
    }

    package mutating func beginArray(index: Int) -> Int {
        key(index: index)
        return putArray()
    }

    package mutating func append(int32 value: Int32, _ name: BSONName) {
        key(name)
        put(int32: value)
    }

    package mutating func append(int64 value: Int64, _ name: BSONName) {
        key(name)
        put(int64: value)
    }

    package mutating func append(double value: Double, _ name: BSONName) {
        key(name)
        put(double: value)
    }

    package mutating func append(bool value: Bool, _ name: BSONName) {
        key(name)
        put(bool: value)
    }

    package mutating func append(date milliseconds: Int64, _ name: BSONName) {
        key(name)
        put(date: milliseconds)
    }

    package mutating func append(string text: String, _ name: BSONName) {
        key(name)
        put(string: text)
    }

    package mutating func append(string bytes: UnsafeRawBufferPointer, _ name: BSONName) {
        key(name)
        put(string: bytes)
    }

    package mutating func append(binary bytes: UnsafeRawBufferPointer, subtype: UInt8, _ name: BSONName) {
        key(name)
        put(binary: bytes, subtype: subtype)
    }

    package mutating func append(decimal128 value: Decimal128, _ name: BSONName) {
        key(name)
        put(decimal128: value)
    }

    /// A ready-made document (its whole bytes), as the value of `name`.
    package mutating func append(document bytes: UnsafeRawBufferPointer, _ name: BSONName) {
        key(name)
        put(document: bytes)
    }

    package mutating func append(document bytes: UnsafeRawBufferPointer, index: Int) {
        key(index: index)
        put(document: bytes)
    }

    package mutating func append(_ value: BSONValue, _ name: BSONName) {
        key(name)
        put(value)
    }

    package mutating func append(_ value: BSONValue, index: Int) {
        key(index: index)
        put(value)
    }

    /// A whole document that is not inside another one; returns where it lies.
    package mutating func append(_ document: BSONDocument) -> Range<Int> {
        let start = end
        document.bytes.withUnsafeBytes { raw($0) }
        return start..<end
    }

    /// An element as a `BSONReader` saw it: type, name and value are copied as they are.
    package mutating func append(_ element: BSONElement) { raw(element.whole) }
}
