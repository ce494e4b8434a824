import BSON
import CLibCrypto
import Model

/// What happens to a value after its codec has written it: a policy, another type, a mask.
enum Refinement: Hashable, Sendable {
    /// The codec writes a string where BSON has no room: refused.
    case withoutText(ValueError.Refusal)
    /// The codec writes infinity as a string, whatever it writes of other values: refused.
    case withoutInfinity
    case converted(FieldType)
    case masked(Mask)
}

extension ValueCodec {
    func encodeRefined(
        _ bytes: UnsafeRawBufferPointer, isBinary: Bool, of codec: ValueCodec, by refinement: Refinement,
        into writer: inout BSONWriter
    ) throws(ValueError) {
        let mark = writer.mark
        if case .masked(.redact) = refinement { return writer.put(string: "redacted") }
        if case .masked(.null) = refinement { return writer.putNull() }
        try codec.encode(bytes, isBinary: isBinary, into: &writer)
        if case .withoutText(let refusal) = refinement {
            if writer.isValue(at: mark, .string) { throw .refused(refusal) }
            return
        }
        guard let value = try? writer.takeValue(mark) else { throw .refused(.conversion) }
        switch refinement {
        case .withoutInfinity:
            if case .string(let text) = value, text.hasSuffix("infinity") { throw .refused(.infinity) }
            writer.put(value)
        case .withoutText, .masked(.redact), .masked(.null): break
        case .converted(let type): writer.put(try codec.convert(value, to: type))
        case .masked(.sha256(let salt)):
            guard let text = codec.plainText(of: value) else { throw .refused(.conversion) }
            writer.put(string: sha256(salt.bytes + Array(text.utf8)))
        case .masked(.last4):
            guard let text = codec.plainText(of: value) else { throw .refused(.conversion) }
            writer.put(string: lastFour(of: text))
        }
    }

    /// The codec whose values become the type; nil when they can't.
    func converted(to type: FieldType) -> ValueCodec? {
        guard case .scalar(let scalar) = self else { return nil }
        switch (type, scalar) {
        case (.date, .timestamp), (.date, .timestamptz), (.date, .date), (.bool, .bool),
            (.int64, .int8), (.double, .float4), (.double, .float8):
            return self
        case (.decimal128, .numeric): return .refined(self, .withoutText(.digits))
        case (.iso, .timestamp), (.string, .timestamp): return .scalar(.timestampText)
        case (.iso, .timestamptz), (.string, .timestamptz): return .scalar(.timestamptzText)
        case (.int64Micros, .timestamp), (.int64Micros, .timestamptz): return .scalar(.timestampMicros)
        case (.iso, .date): return .refined(self, .converted(.string))
        case (.int32, .bool), (.int64, .bool): return .refined(self, .converted(type))
        case (.bool, _) where scalar.isNumber, (.int32, _) where scalar.isNumber, (.int64, _) where scalar.isNumber,
            (.double, _) where scalar.isNumber, (.decimal128, _) where scalar.isNumber:
            return .refined(self, .converted(type))
        case (.string, _): return hasPlainText ? .refined(self, .converted(.string)) : nil
        default: return nil
        }
    }

    /// Whether every value has one text, so that it can be a string, or be masked. (That of a float depends on the
    /// server's settings.)
    var hasPlainText: Bool {
        guard case .scalar(let scalar) = self else { return false }
        return scalar.forKey != nil && scalar != .float4 && scalar != .float8
    }

    /// The value's text, as the server writes it (but for timestamps, which are in ISO 8601).
    func plainText(of value: BSONValue) -> String? {
        if case .bool(let value) = value { return value ? "true" : "false" }
        return forKey?.keyText(of: value) ?? value.asString
    }

    private func convert(_ value: BSONValue, to type: FieldType) throws(ValueError) -> BSONValue {
        let converted: BSONValue? =
            switch type {
            case .string: plainText(of: value).map { .string($0) }
            case .int32: wholeNumber(value).flatMap { Int32(exactly: $0) }.map { .int32($0) }
            case .int64: wholeNumber(value).map { .int64($0) }
            case .bool: wholeNumber(value).flatMap { $0 == 0 ? false : $0 == 1 ? true : nil }.map { .bool($0) }
            case .double: plainText(of: value).flatMap { finiteDouble($0) }.map { .double($0) }
            case .decimal128: plainText(of: value).flatMap { Decimal128($0) }.map { .decimal128($0) }
            case .date, .iso, .int64Micros: nil
            }
        guard let converted else { throw .refused(.conversion) }
        return converted
    }

    /// nil where a finite number is beyond a double.
    private func finiteDouble(_ text: String) -> Double? {
        guard let value = Double(text) else { return nil }
        return value.isFinite || value.isNaN || text.contains("n") ? value : nil
    }

    private func wholeNumber(_ value: BSONValue) -> Int64? {
        if case .bool(let value) = value { return value ? 1 : 0 }
        return integerText(value, Int64.self).flatMap { Int64($0) }
    }
}

extension ScalarCodec {
    var isNumber: Bool {
        switch self {
        case .int2, .int4, .int8, .oid, .float4, .float8, .numeric: true
        default: false
        }
    }
}

/// 64 hexadecimal digits.
func sha256(_ bytes: [UInt8]) -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    _ = SHA256(bytes, bytes.count, &digest)
    return hexadecimal(digest)
}

/// Asterisks for all characters but the last four; for all of a text that has no more.
func lastFour(of text: String) -> String {
    let count = text.unicodeScalars.count
    guard count > 4 else { return String(repeating: "*", count: count) }
    var masked = String(repeating: "*", count: count - 4)
    masked.unicodeScalars.append(contentsOf: text.unicodeScalars.suffix(4))
    return masked
}
