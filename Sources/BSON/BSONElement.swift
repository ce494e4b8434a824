/// One element of a document where it lies; made by `BSONReader`, which has checked its lengths.
package struct BSONElement {
    package let type: BSONType
    /// Type byte, name, zero byte, value.
    package let whole: UnsafeRawBufferPointer
    let nameCount: Int

    /// UTF-8, without the zero byte.
    package var nameBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: whole[1..<1 + nameCount]) }

    package var name: String { String(decoding: nameBytes, as: UTF8.self) }

    /// The value without type and name: a string with its length and terminator, a document whole.
    package var valueBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: whole[(nameCount + 2)...]) }

    package func hasSameName(as other: BSONElement) -> Bool {
        nameCount == other.nameCount && nameBytes.elementsEqual(other.nameBytes)
    }

    /// Decodes the value. Throws `BSONError` when a nested document is malformed or a string is not UTF-8.
    package func value() throws(BSONError) -> BSONValue {
        try BSONValue(self, depth: 0)
    }

    func number<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type, at offset: Int = 0) -> Number {
        valueBytes.loadUnaligned(fromByteOffset: offset, as: Number.self).littleEndianValue
    }
}
