/// Relaxed extended JSON (MongoDB Extended JSON v2), for people and tests. Dates are shown as milliseconds.
extension BSONDocument: CustomDebugStringConvertible {
    package var debugDescription: String {
        "{" + elements.map { "\(quoted($0.name)): \($0.value.debugDescription)" }.joined(separator: ", ") + "}"
    }
}

extension BSONValue: CustomDebugStringConvertible {
    package var debugDescription: String {
        switch self {
        case .double(let value): value.isFinite ? "\(value)" : "{\"$numberDouble\": \"\(value)\"}"
        case .string(let text): quoted(text)
        case .document(let document): document.debugDescription
        case .array(let values): "[" + values.map(\.debugDescription).joined(separator: ", ") + "]"
        case .binary(let subtype, let bytes):
            "{\"$binary\": {\"hex\": \"\(hexadecimal(bytes))\", \"subType\": \"\(hexadecimal([subtype]))\"}}"
        case .objectID(let bytes): "{\"$oid\": \"\(hexadecimal(bytes))\"}"
        case .bool(let value): "\(value)"
        case .date(let milliseconds): "{\"$date\": {\"$numberLong\": \"\(milliseconds)\"}}"
        case .null: "null"
        case .regex(let pattern, let options):
            "{\"$regularExpression\": {\"pattern\": \(quoted(pattern)), \"options\": \(quoted(options))}}"
        case .javascript(let code): "{\"$code\": \(quoted(code))}"
        case .int32(let value): "\(value)"
        case .timestamp(let value): "{\"$timestamp\": {\"t\": \(value >> 32), \"i\": \(value & 0xFFFF_FFFF)}}"
        case .int64(let value): "\(value)"
        case .decimal128(let value): "{\"$numberDecimal\": \"\(value)\"}"
        case .minKey: "{\"$minKey\": 1}"
        case .maxKey: "{\"$maxKey\": 1}"
        case .deprecated(let type, let bytes): "{\"$\(type)\": \"\(hexadecimal(bytes))\"}"
        }
    }
}

private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case _ where scalar.value < 0x20:
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    var result = ""
    for byte in bytes {
        if byte < 16 { result += "0" }
        result += String(byte, radix: 16)
    }
    return result
}
