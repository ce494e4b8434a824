import Foundation
import Model
import Replication

@testable import WherryCommand

/// The JSON Schema (draft 7) of `wherry.yaml`, for editors.
struct ConfigurationSchema {
    /// By the key's full path.
    let meanings: [String: String]

    var text: String {
        get throws {
            var schema = object(try SchemaNode(ConfigurationFile.self), at: "")
            schema["$schema"] = "http://json-schema.org/draft-07/schema#"
            schema["title"] = "wherry.yaml"
            let data = try JSONSerialization.data(
                withJSONObject: schema, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
            return String(decoding: data, as: UTF8.self) + "\n"
        }
    }

    private func object(_ node: SchemaNode, at path: String) -> [String: Any] {
        var schema = form(of: node, at: path)
        if let meaning = meanings[path] { schema["description"] = meaning }
        return schema
    }

    private func form(of node: SchemaNode, at path: String) -> [String: Any] {
        let words = Self.words[path].map { ["enum": $0] }
        switch node {
        // A number is a text that looks like one: `max_batch_bytes: 5000000`.
        case .text: return words ?? ["type": ["string", "number"]]
        case .integer: return ["type": "integer"]
        case .boolean: return ["type": "boolean"]
        case .null: return ["type": "null"]
        case .list(let element): return ["type": "array", "items": object(element, at: path + "[]")]
        case .mapping(let keys):
            let properties = Dictionary(
                uniqueKeysWithValues: keys.map { ($0, object($1, at: path.isEmpty ? $0 : "\(path).\($0)")) })
            return ["type": "object", "additionalProperties": false, "properties": properties]
        case .named(let below):
            return ["type": "object", "additionalProperties": object(below, at: path + ".NAME")]
        case .either([.null, .text]): return words ?? ["type": ["string", "number", "null"]]
        // A number is one then.
        case .either(let nodes) where nodes.contains(.integer):
            return ["anyOf": nodes.map { $0 == .text ? ["type": "string"] : form(of: $0, at: path) }]
        case .either(let nodes): return ["anyOf": nodes.map { form(of: $0, at: path) }]
        }
    }

    /// Where only some words are taken.
    private static var words: [String: [Any]] {
        var words: [String: [Any]] = [
            "source.plugin": OutputPlugin.allCases.map(\.rawValue),
            "schema_changes": SchemaChangePolicy.allCases.map(\.rawValue),
            "backfill.mode": BackfillMode.allCases.map(\.rawValue),
            "apply.on_refused": RefusalPolicy.allCases.map(\.rawValue),
            "collections.NAME.type.NAME": FieldType.allCases.map(\.rawValue),
            "collections.NAME.mask.NAME": ["sha256", "last4", "redact", "null", NSNull()],
        ]
        for section in ["defaults", "collections.NAME"] {
            words["\(section).case"] = CollectionMapping.FieldCase.allCases.map(\.rawValue)
            words["\(section).nulls"] = CollectionMapping.NullFields.allCases.map(\.rawValue)
            // For all columns, and by column.
            for place in ["", ".NAME"] {
                words["\(section).numeric_overflow\(place)"] = ValuePolicies.Overflow.allCases.map(\.rawValue)
                words["\(section).timestamp\(place)"] = ValuePolicies.TimestampForm.allCases.map(\.rawValue)
                words["\(section).out_of_range\(place)"] = ValuePolicies.Overflow.allCases.map(\.rawValue)
                words["\(section).unknown_type\(place)"] = ValuePolicies.Overflow.allCases.map(\.rawValue)
            }
        }
        return words
    }
}
