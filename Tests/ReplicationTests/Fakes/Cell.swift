import Model

/// One column's value in a row that a test makes.
enum Cell: Hashable, Sendable, ExpressibleByStringInterpolation, ExpressibleByNilLiteral {
    case null
    case unchanged
    case text(String)

    init(stringLiteral value: String) { self = .text(value) }
    init(nilLiteral: ()) { self = .null }

    /// A row of text fields, as a decoder would make it.
    static func row(_ cells: [Cell]) -> Row {
        var bytes: [UInt8] = []
        let fields = cells.map { cell -> Field in
            switch cell {
            case .null: return Field(kind: .null)
            case .unchanged: return Field(kind: .unchanged)
            case .text(let text):
                let offset = UInt32(bytes.count)
                bytes += text.utf8
                return Field(kind: .text, offset: offset, count: UInt32(text.utf8.count))
            }
        }
        return Row(block: ByteBlock(copying: bytes), fields: fields)
    }
}
