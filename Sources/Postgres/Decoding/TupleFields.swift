import Model

/// The fields of a pgoutput tuple. Hot: one allocation a row, none a column.
enum TupleFields {
    /// - Throws: `ByteCursor.Underrun`, also when the number of columns isn't the announced one.
    @inline(__always)
    static func read(_ cursor: inout ByteCursor, columns: Int) throws -> [Field] {
        let start = cursor.offset
        guard Int(try cursor.integer(UInt16.self)) == columns else {
            throw ByteCursor.Underrun(offset: start, reason: "not the \(columns) columns that were announced")
        }
        return try [Field](unsafeUninitializedCapacity: columns) { fields, initialized in
            while initialized < columns {
                (fields.baseAddress! + initialized).initialize(to: try field(&cursor))
                initialized += 1
            }
        }
    }

    @inline(__always)
    private static func field(_ cursor: inout ByteCursor) throws -> Field {
        let kind: Field.Kind
        switch try cursor.integer(UInt8.self) {
        case UInt8(ascii: "b"): kind = .binary
        case UInt8(ascii: "t"): kind = .text
        case UInt8(ascii: "n"): return Field(kind: .null)
        case UInt8(ascii: "u"): return Field(kind: .unchanged)
        default: throw ByteCursor.Underrun(offset: cursor.offset - 1, reason: "an unknown kind of column value")
        }
        let count = Int(try cursor.integer(Int32.self))
        let offset = try cursor.skip(count)
        return Field(kind: kind, offset: UInt32(truncatingIfNeeded: offset), count: UInt32(truncatingIfNeeded: count))
    }
}
