import Logging
import Model

/// One log line as values, and its two forms.
struct LogLine: Sendable {
    let time: String
    let level: String
    let message: String
    let fields: Logger.Metadata

    /// Without a newline, whatever the values hold.
    func rendered(as format: LogFormat) -> String {
        switch format {
        case .text: text
        case .json: JSONText.line(Entry(time: time, level: level, message: message, fields: JSONFields(fields)))
        }
    }

    private var text: String {
        let pairs = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\(LogLine.quoted("\($0.value)"))" }
        let head = "\(time) \(level) \(LogLine.escaped(message))"
        return pairs.isEmpty ? head : head + "  " + pairs.joined(separator: " ")
    }

    private static func quoted(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy {
                !$0.properties.isWhitespace && $0 != "\"" && $0 != "=" && $0 != "\\"
            }
        let escaped = escaped(value)
        guard !isPlain || escaped != value else { return value }
        return quoteText(escaped, by: "\"", inside: "\\\"")
    }

    /// Backslashes and control characters, so that one event is one line.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.properties.generalCategory == .control:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private struct Entry: Encodable {
        let time: String
        let level: String
        let message: String
        let fields: JSONFields
    }
}

/// Metadata as a JSON object. Numbers and booleans given as `.stringConvertible` stay what they are.
private struct JSONFields: Encodable {
    let metadata: Logger.Metadata

    init(_ metadata: Logger.Metadata) { self.metadata = metadata }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (key, value) in metadata { try container.encode(JSONValue(value), forKey: Key(stringValue: key)) }
    }

    struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

private struct JSONValue: Encodable {
    let value: Logger.MetadataValue

    init(_ value: Logger.MetadataValue) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch value {
        case .dictionary(let fields): try container.encode(JSONFields(fields))
        case .array(let values): try container.encode(values.map(JSONValue.init))
        case .string(let text): try container.encode(text)
        case .stringConvertible(let value):
            switch value {
            case let number as any BinaryInteger & Encodable: try container.encode(number)
            case let number as any BinaryFloatingPoint & Encodable: try container.encode(number)
            case let flag as Bool: try container.encode(flag)
            default: try container.encode("\(value)")
            }
        }
    }
}
