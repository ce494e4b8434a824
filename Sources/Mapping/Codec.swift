import BSON
import Model

/// How the values of one column become BSON: chosen once per column, executed per value. Two bytes, no references, so
/// that a plan's columns can be walked without counting.
struct Codec: Hashable, Sendable {
    let scalar: ScalarCodec
    /// 0 for a single value; for an array of them, the delimiter of its text form.
    let delimiter: UInt8

    var isArray: Bool { delimiter != 0 }

    /// The codec of a type as it appears in a document's body.
    init(_ type: PostgresType) {
        switch type.shape {
        case .domain(let base): self.init(base)
        case .enum: self.init(scalar: .text)
        case .array(let element, let delimiter):
            let codec = Codec(element)
            // An array of a domain over an array: its text form.
            self =
                codec.isArray || delimiter == 0
                ? Codec(scalar: .serverText) : Codec(scalar: codec.scalar, delimiter: delimiter)
        case .base: self.init(scalar: ScalarCodec(oid: type.oid, name: type.name))
        case .other: self.init(scalar: .serverText)
        }
    }

    private init(scalar: ScalarCodec, delimiter: UInt8 = 0) {
        self.scalar = scalar
        self.delimiter = delimiter
    }

    /// The codec for the same type as a part of `_id`, which must not lose anything; nil when the type can't be one.
    var forKey: Codec? {
        if isArray { return nil }
        switch scalar {
        case .json, .jsonb: return nil
        case .timestamp: return Codec(scalar: .timestampText)
        case .timestamptz: return Codec(scalar: .timestamptzText)
        default: return self
        }
    }

    var hasBinary: Bool { scalar != .serverText }

    /// Writes the value of the element that was begun last. `bytes` are the send function's (`isBinary`) or the output
    /// function's.
    @inline(__always)
    func encode(
        _ bytes: UnsafeRawBufferPointer, isBinary: Bool, into writer: inout BSONWriter
    ) throws(ValueError) {
        if isArray {
            if isBinary {
                try encodeArray(binary: bytes, of: scalar, into: &writer)
            } else {
                try encodeArray(text: bytes, of: scalar, delimiter: delimiter, into: &writer)
            }
        } else if isBinary {
            try scalar.encode(binary: bytes, into: &writer)
        } else {
            try scalar.encode(text: bytes, into: &writer)
        }
    }
}
