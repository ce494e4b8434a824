/// One value, decoded: for commands, state documents and tests. The hot path writes with `BSONWriter` instead.
package indirect enum BSONValue: Hashable, Sendable {
    case double(Double)
    case string(String)
    case document(BSONDocument)
    case array([BSONValue])
    /// Subtype 0 is plain bytes, 4 a UUID.
    case binary(subtype: UInt8, [UInt8])
    case objectID([UInt8])
    case bool(Bool)
    /// Milliseconds since 1970-01-01 00:00 UTC.
    case date(Int64)
    case null
    case regex(pattern: String, options: String)
    case javascript(String)
    case int32(Int32)
    /// MongoDB's internal timestamp: seconds in the upper 32 bits, a counter in the lower.
    case timestamp(UInt64)
    case int64(Int64)
    case decimal128(Decimal128)
    case minKey
    case maxKey
    /// One of the deprecated types (undefined, dbPointer, symbol, JavaScript with scope), as its bytes.
    case deprecated(BSONType, [UInt8])

    package var type: BSONType {
        switch self {
        case .double: .double
        case .string: .string
        case .document: .document
        case .array: .array
        case .binary: .binary
        case .objectID: .objectID
        case .bool: .bool
        case .date: .date
        case .null: .null
        case .regex: .regex
        case .javascript: .javascript
        case .int32: .int32
        case .timestamp: .timestamp
        case .int64: .int64
        case .decimal128: .decimal128
        case .minKey: .minKey
        case .maxKey: .maxKey
        case .deprecated(let type, _): type
        }
    }

    /// int32 where the number fits, else int64.
    package static func integer(_ value: Int64) -> BSONValue {
        Int32(exactly: value).map { .int32($0) } ?? .int64(value)
    }
}

extension BSONValue {
    package var asString: String? { if case .string(let value) = self { value } else { nil } }
    package var asBool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var asDocument: BSONDocument? { if case .document(let value) = self { value } else { nil } }
    package var asArray: [BSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var asBinary: [UInt8]? { if case .binary(_, let value) = self { value } else { nil } }
    package var asDate: Int64? { if case .date(let value) = self { value } else { nil } }
    package var asDecimal128: Decimal128? { if case .decimal128(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    /// Any number that is an integer: int32, int64, and doubles without a fraction (servers answer `ok: 1.0`).
    package var asInt64: Int64? {
        switch self {
        case .int32(let value): Int64(value)
        case .int64(let value): value
        case .double(let value): Int64(exactly: value)
        default: nil
        }
    }

    package var asInt: Int? { asInt64.flatMap { Int(exactly: $0) } }
}

extension BSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    /// int32 where the number fits, else int64.
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(arrayLiteral elements: BSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, BSONValue)...) { self = .document(BSONDocument(elements)) }
    package init(nilLiteral: ()) { self = .null }
}
