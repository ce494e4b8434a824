/// Documents inside a document, begun and ended by a flat list of steps: nobody has to keep where they begin.
extension BSONWriter {
    /// The value of the element begun last is a document. Where the one around it begins is kept in the place of its
    /// length, until `endBranch` puts that there.
    ///
    /// - Parameter parent: what `beginBranch` gave for the document around it; anything for the outermost.
    package mutating func beginBranch(in parent: Int) -> Int {
        type(.document)
        let start = end
        store(Int32(truncatingIfNeeded: parent))
        return start
    }

    /// Ends it; with nothing in it the element isn't there.
    ///
    /// - Parameter headCount: of the element: type, name, zero byte.
    /// - Returns: the document around it, as it was given to `beginBranch`.
    package mutating func endBranch(_ start: Int, headCount: Int) -> Int {
        let parent = Int((base + start).loadUnaligned(as: Int32.self).littleEndianValue)
        if end == start + 4 {
            truncate(to: start - headCount)
        } else {
            endDocument(start)
        }
        return parent
    }

    /// Where the element begun last lies, for `takeValue`.
    package struct ValueMark {
        let element: Int
        let value: Int
    }

    package var mark: ValueMark { ValueMark(element: typeOffset, value: end) }

    /// Takes the value back that was written since the mark: another one may follow.
    ///
    /// - Throws: `BSONError` when what was written is no value.
    package mutating func takeValue(_ mark: ValueMark) throws(BSONError) -> BSONValue {
        let whole = UnsafeRawBufferPointer(start: base + mark.element, count: end - mark.element)
        guard let type = BSONType(rawValue: whole[0]) else { throw BSONError(.unknownType, offset: mark.element) }
        let value = try BSONElement(type: type, whole: whole, nameCount: mark.value - mark.element - 2).value()
        end = mark.value
        typeOffset = mark.element
        return value
    }

    /// Whether the value of the element begun last is of this type.
    package func isValue(at mark: ValueMark, _ type: BSONType) -> Bool {
        (base + mark.element).load(as: UInt8.self) == type.rawValue
    }
}
