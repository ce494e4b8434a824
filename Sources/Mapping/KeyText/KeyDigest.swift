import BSON
import Model

/// Names a row in a message without a value of it: the first 16 hexadecimal digits of the SHA-256 of its `_id`'s text. That
/// is what PostgreSQL's `concat` makes of a key column that is a number, a text, a uuid, a date, a boolean or bytes; the
/// parts of a document have commas in between.
///
/// - Parameter key: `{_id: …}`
/// - Returns: nil without an `_id`.
package func keyDigest(of key: BSONDocument) -> String? {
    key["_id"].map { String(sha256(Array(digestText(of: $0).utf8)).prefix(16)) }
}

private func digestText(of value: BSONValue) -> String {
    switch value {
    case .string(let text): text
    case .int32(let number): "\(number)"
    case .int64(let number): "\(number)"
    case .bool(let value): value ? "t" : "f"
    case .decimal128: ScalarCodec.numeric.keyText(of: value) ?? value.debugDescription
    case .double: ScalarCodec.float8.keyText(of: value) ?? value.debugDescription
    case .binary(4, _): ScalarCodec.uuid.keyText(of: value) ?? value.debugDescription
    case .binary: ScalarCodec.bytea.keyText(of: value) ?? value.debugDescription
    case .date: dateText(value) ?? value.debugDescription
    case .document(let document): document.elements.map { digestText(of: $0.value) }.joined(separator: ",")
    default: value.debugDescription
    }
}
