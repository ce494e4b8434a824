import BSON
import Model

/// How the values of one type become BSON: chosen once per column, executed per value.
enum ValueCodec: Hashable, Sendable {
    case scalar(ScalarCodec)
    /// Of elements that are told apart by this character in the text form.
    indirect case array(of: ValueCodec, delimiter: UInt8)
    case composite([Attribute])
    /// Of bounds of this type. The built-in ones of whole numbers and days have one form for each value.
    indirect case range(of: ValueCodec, isBuiltIn: Bool)
    indirect case multirange(of: ValueCodec)
    indirect case refined(ValueCodec, Refinement)

    /// One attribute of a composite type.
    struct Attribute: Hashable, Sendable {
        let name: BSONName
        /// Of its type; 0 for any.
        let oid: UInt32
        /// Of its element: room for the type, the name, a zero byte.
        let head: [UInt8]
        let codec: ValueCodec

        init(_ name: BSONName, _ oid: UInt32, _ codec: ValueCodec) {
            self.name = name
            self.oid = oid
            head = [0] + name.bytes
            self.codec = codec
        }
    }

    /// The codec of a type as it appears in a document's body.
    init(_ type: PostgresType, _ policies: ValuePolicies = ValuePolicies()) {
        switch type.shape {
        case .domain(let base): self.init(base, policies)
        case .enum: self = .scalar(.text)
        case .array(let element, let delimiter): self = .array(of: ValueCodec(element, policies), delimiter: delimiter)
        case .base:
            let codec = ScalarCodec(oid: type.oid)
            self =
                codec == .serverText && !type.isBuiltIn
                ? .unknown(policies) : ValueCodec.scalar(codec).held(to: policies)
        case .extended(let type): self = .scalar(ScalarCodec(type))
        case .composite(let attributes):
            // PostgreSQL has no name that BSON hasn't; if it had, nothing would be left out.
            let parts = try? attributes.map {
                Attribute(try BSONName($0.name), $0.type.oid, ValueCodec($0.type, policies))
            }
            self = parts.map { .composite($0) } ?? .scalar(.serverText)
        case .range(let bound): self = .range(of: ValueCodec(bound, policies), isBuiltIn: type.isBuiltIn)
        case .multirange(let bound): self = .multirange(of: ValueCodec(bound, policies))
        case .other: self = .unknown(policies)
        }
    }

    private static func unknown(_ policies: ValuePolicies) -> ValueCodec {
        policies.unknownType == .string
            ? .scalar(.serverText) : .refined(.scalar(.serverText), .withoutText(.unknownType))
    }

    /// What the policies make of a single value.
    func held(to policies: ValuePolicies) -> ValueCodec {
        switch self {
        case .scalar(.timestampMicros), .scalar(.timestampText), .scalar(.timestamptzText): withoutInfinity(policies)
        case .scalar(.numeric) where policies.numericOverflow != .string: .refined(self, .withoutText(.digits))
        case .scalar(.timestamp), .scalar(.timestamptz):
            ValueCodec.timestamp(self, policies.timestamp).withoutInfinity(policies)
        case .scalar(.date), .refined(.scalar(.date), .converted): withoutInfinity(policies)
        default: self
        }
    }

    private static func timestamp(_ codec: ValueCodec, _ form: ValuePolicies.TimestampForm) -> ValueCodec {
        switch form {
        case .date: codec
        case .int64Micros: .scalar(.timestampMicros)
        case .iso: .scalar(codec == .scalar(.timestamptz) ? .timestamptzText : .timestampText)
        }
    }

    private func withoutInfinity(_ policies: ValuePolicies) -> ValueCodec {
        guard policies.outOfRange != .string else { return self }
        return switch self {
        case .scalar(.timestampText), .scalar(.timestamptzText), .refined: .refined(self, .withoutInfinity)
        default: .refined(self, .withoutText(.infinity))
        }
    }

    /// The codec for the same type as a part of `_id`, which must not lose anything; nil when the type can't be one.
    var forKey: ValueCodec? {
        switch self {
        case .scalar(let scalar): scalar.forKey.map { .scalar($0) }
        case .range(let bound, let isBuiltIn): bound.forKey.map { .range(of: $0, isBuiltIn: isBuiltIn) }
        case .composite(let attributes): ValueCodec.forKey(attributes)
        // MongoDB takes no array as `_id`.
        case .array, .multirange: nil
        // A key is read back.
        case .refined(let codec, _): codec.forKey
        }
    }

    private static func forKey(_ attributes: [Attribute]) -> ValueCodec? {
        var keys: [Attribute] = []
        for attribute in attributes {
            guard let codec = attribute.codec.forKey, attribute.name.bytes.first != UInt8(ascii: "$") else {
                return nil
            }
            keys.append(Attribute(attribute.name, attribute.oid, codec))
        }
        return .composite(keys)
    }

    /// Whether the binary form of the type can be read.
    var hasBinary: Bool {
        switch self {
        case .scalar(let scalar): scalar != .serverText
        case .array(let part, _), .range(let part, _), .multirange(let part): part.hasBinary
        case .composite(let attributes): attributes.allSatisfy(\.codec.hasBinary)
        case .refined(let codec, _): codec.hasBinary
        }
    }

    /// Two keys of different forms never find each other's documents.
    var keyForm: String {
        switch self {
        case .scalar(let scalar): scalar.keyForm
        case .composite(let attributes):
            "{\(attributes.map { "\($0.name.text):\($0.codec.keyForm)" }.joined(separator: ","))}"
        case .range(let bound, _): "range(\(bound.keyForm))"
        case .array(let part, _), .multirange(let part): "array(\(part.keyForm))"
        case .refined(let codec, _): codec.keyForm
        }
    }

    /// Writes the value of the element that was begun last. `bytes` are the send function's (`isBinary`) or the output
    /// function's.
    func encode(
        _ bytes: UnsafeRawBufferPointer, isBinary: Bool, into writer: inout BSONWriter
    ) throws(ValueError) {
        switch self {
        case .scalar(let scalar): try scalar.encode(bytes, isBinary: isBinary, into: &writer)
        case .array(let element, let delimiter):
            if isBinary {
                try encodeArray(binary: bytes, of: element, into: &writer)
            } else {
                try encodeArray(text: bytes, of: element, delimiter: delimiter, into: &writer)
            }
        case .composite(let attributes):
            if isBinary {
                try encodeComposite(binary: bytes, of: attributes, into: &writer)
            } else {
                try encodeComposite(text: bytes, of: attributes, into: &writer)
            }
        case .range(let bound, _):
            if isBinary {
                try encodeRange(binary: bytes, of: bound, into: &writer)
            } else {
                try encodeRange(text: bytes, of: bound, into: &writer)
            }
        case .multirange(let bound):
            if isBinary {
                try encodeMultirange(binary: bytes, of: bound, into: &writer)
            } else {
                try encodeMultirange(text: bytes, of: bound, into: &writer)
            }
        case .refined(let codec, let refinement):
            try encodeRefined(bytes, isBinary: isBinary, of: codec, by: refinement, into: &writer)
        }
    }
}
