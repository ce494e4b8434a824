/// Key and value in one call.
extension BSONWriter {
    package mutating func beginDocument(_ name: BSONName) -> Int {
        key(name)
        return putDocument()
    }

    /// The elements of the array follow with `index:`; ended by `endDocument`.
    package mutating func beginArray(_ name: BSONName) -> Int {
        key(name)
        return putArray()
    }

    package mutating func append(int64 value: Int64, _ name: BSONName) {
        key(name)
        put(int64: value)
    }

    /// A ready-made document (its whole bytes), as the value of `name`.
    package mutating func append(document bytes: UnsafeRawBufferPointer, _ name: BSONName) {
        key(name)
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
