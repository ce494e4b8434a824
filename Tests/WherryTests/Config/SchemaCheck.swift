import Foundation
import Yams

/// Whether a YAML text is what a JSON Schema describes: the part of draft 7 that the schema of the configuration uses.
struct SchemaCheck {
    private let schema: [String: Any]

    init(_ json: Data) throws {
        schema = try JSONSerialization.jsonObject(with: json) as? [String: Any] ?? [:]
    }

    /// What is wrong, by path; empty for a text that fits.
    func problems(_ yaml: String) throws -> [String] { problems(try Yams.load(yaml: yaml), schema, "") }

    private func problems(_ value: Any?, _ schema: [String: Any], _ path: String) -> [String] {
        if let forms = schema["anyOf"] as? [[String: Any]] {
            let found = forms.map { problems(value, $0, path) }
            return found.contains([]) ? [] : found.flatMap { $0 }
        }
        if let words = schema["enum"] as? [Any] {
            let isOne = words.contains { $0 is NSNull ? isNull(value) : $0 as? String == value as? String }
            return isOne ? [] : ["\(path) is none of the words"]
        }
        let types = schema["type"] as? [String] ?? (schema["type"] as? String).map { [$0] } ?? []
        guard types.contains(where: { isOf($0, value) }) else { return ["\(path) is no \(types)"] }
        if let list = value as? [Any], let items = schema["items"] as? [String: Any] {
            return list.flatMap { problems($0, items, path + "[]") }
        }
        guard let mapping = value as? [String: Any] else { return [] }
        return mapping.flatMap { key, value -> [String] in
            let below = (schema["properties"] as? [String: Any])?[key] ?? schema["additionalProperties"]
            guard let below = below as? [String: Any] else { return ["\(path).\(key) is unknown"] }
            return problems(value, below, "\(path).\(key)")
        }
    }

    private func isNull(_ value: Any?) -> Bool { value.map { $0 is NSNull } ?? true }

    private func isOf(_ type: String, _ value: Any?) -> Bool {
        switch type {
        case "string": value is String
        case "number": value is Int || value is Double
        case "integer": value is Int
        case "boolean": value is Bool
        case "null": isNull(value)
        case "array": value is [Any]
        case "object": value is [String: Any]
        default: false
        }
    }
}
