import Model

/// One column's value in a row that a test makes.
enum Cell: Hashable, Sendable, ExpressibleByStringInterpolation, ExpressibleByNilLiteral {
    case null
    case unchanged
    case text(String)
    /// What need not be text.
    case bytes([UInt8])

    init(stringLiteral value: String) { self = .text(value) }
    init(nilLiteral: ()) { self = .null }

    /// A row of text fields, as a decoder would make it.
    static func row(_ cells: [Cell]) -> Row {
        var bytes: [UInt8] = []
        let fields = cells.map { cell -> Field in
            switch cell {
            case .null: return Field(kind: .null)
            case .unchanged: return Field(kind: .unchanged)
            case .text(let text): return field(Array(text.utf8), in: &bytes)
            case .bytes(let value): return field(value, in: &bytes)
            }
        }
        return Row(block: ByteBlock(copying: bytes), fields: fields)
    }

    private static func field(_ value: [UInt8], in bytes: inout [UInt8]) -> Field {
        defer { bytes += value }
        return Field(kind: .text, offset: UInt32(bytes.count), count: UInt32(value.count))
    }
}
