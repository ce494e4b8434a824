import Foundation
import Model
import Yams

/// Reads `wherry.yaml`: parse, expand `${NAME}`, refuse unknown keys, decode. Every error names the file and the full
/// path of the key, and none repeats a value (it could be a password).
struct ConfigurationReader: Sendable {
    let environment: [String: String]
    /// The file's name, for messages.
    let file: String

    static func read(path: String, environment: [String: String]) throws -> ConfigurationFile {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Failure(
                .configuration, "can't read the configuration file \(path)",
                hint: "Check that the file exists and that the user wherry runs as may read it.")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(
                .configuration, "the configuration file \(path) is not UTF-8", hint: "Save it with the encoding UTF-8.")
        }
        return try ConfigurationReader(environment: environment, file: path).parse(text)
    }

    /// - Throws: `Failure` of kind `.configuration`.
    func parse(_ text: String) throws -> ConfigurationFile {
        do {
            guard let node = try Yams.compose(yaml: text) else { return ConfigurationFile() }
            try checkKeys(node, KnownKeys.file, path: [])
            let expanded = try expand(node, path: [])
            return try YAMLDecoder().decode(ConfigurationFile.self, from: expanded)
        } catch let failure as Failure {
            throw failure
        } catch let error as DecodingError {
            throw translated(error)
        } catch {
            throw notYAML(error)
        }
    }

    private func checkKeys(_ node: Node, _ known: KnownKeys, path: [String]) throws {
        guard case .mapping(let mapping) = node else { return }
        for (keyNode, value) in mapping {
            guard case .scalar(let scalar) = keyNode else {
                throw Failure(
                    .configuration, "\(file): a key under '\(path.joined(separator: "."))' is no plain word",
                    hint: "A key is one word before a colon: docs/configuration.md lists them.")
            }
            switch known {
            case .value: break
            case .named(let below): try checkKeys(value, below, path: path + [scalar.string])
            case .mapping(let keys):
                guard let below = keys[scalar.string] else { throw unknown(scalar.string, keys: keys, path: path) }
                try checkKeys(value, below, path: path + [scalar.string])
            }
        }
    }

    private func unknown(_ key: String, keys: [String: KnownKeys], path: [String]) -> Failure {
        let full = (path + [key]).joined(separator: ".")
        let message = "\(file): unknown key '\(full)'"
        let siblings = keys.keys.sorted()
        if let near = Suggestion.nearest(to: key, among: siblings) {
            return Failure(
                .configuration, message, hint: "Did you mean '\((path + [near]).joined(separator: "."))'?")
        }
        if let elsewhere = KnownKeys.file.paths.first(where: { $0.hasSuffix(".\(key)") || $0 == key }) {
            return Failure(.configuration, message, hint: "Did you mean '\(elsewhere)'?")
        }
        return Failure(.configuration, message, hint: "Known here: \(siblings.joined(separator: ", ")).")
    }

    private func expand(_ node: Node, path: [String]) throws -> Node {
        if path.count == 3, path[0] == "collections", ConfiguredCollection.keysOfTexts.contains(path[2]) { return node }
        switch node {
        case .scalar(var scalar):
            guard scalar.string.contains("$") else { return node }
            scalar.string = try VariableExpansion(environment: environment)
                .expand(scalar.string, path: "'\(path.joined(separator: "."))' (\(file))")
            // The quotes belong to the YAML around the variable, not to its value: it may be a number.
            return .scalar(Node.Scalar(scalar.string, Tag(.implicit), .plain, scalar.mark))
        case .mapping(let mapping):
            let pairs = try mapping.map { key, value in
                (plain(key), try expand(value, path: path + [key.string ?? "?"]))
            }
            return .mapping(Node.Mapping(pairs, mapping.tag, mapping.style, mapping.mark))
        case .sequence(let sequence):
            let nodes = try sequence.enumerated().map { try expand($1, path: path + ["[\($0)]"]) }
            return .sequence(Node.Sequence(nodes, sequence.tag, sequence.style, sequence.mark))
        case .alias:
            return node
        }
    }

    /// A key without its quotes: Yams looks for the word, and takes `"true"` or `"5"` in quotes for another.
    private func plain(_ key: Node) -> Node {
        guard case .scalar(let scalar) = key else { return key }
        return .scalar(Node.Scalar(scalar.string, Tag(.implicit), .plain, scalar.mark))
    }

    private func translated(_ error: DecodingError) -> Failure {
        let expected: String
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(let type, let found), .valueNotFound(let type, let found):
            (expected, context) = (words(for: type), found)
        case .dataCorrupted(let found), .keyNotFound(_, let found):
            (expected, context) = ("something else", found)
        @unknown default:
            return Failure(
                .configuration, "\(file): a value has the wrong type",
                hint: "docs/configuration.md lists every key with its type.")
        }
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        let place = path.isEmpty ? "the file" : "'\(path)'"
        return Failure(
            .configuration, "\(file): \(place) must be \(expected)",
            hint: "docs/configuration.md lists every key with its type.")
    }

    private func words(for type: Any.Type) -> String {
        switch type {
        case is Int.Type: "a whole number"
        case is Bool.Type: "true or false"
        case is ConfiguredConstant.Type: "text (a fraction in quotes), a whole number, true, false or null"
        case is String.Type, is Node.Scalar.Type: "text"
        case is Node.Sequence.Type: "a list, like [public]"
        default: "a mapping of keys to values"
        }
    }

    /// Yams' own text quotes the line, which may hold a password: only problem and place are kept.
    private func notYAML(_ error: any Error) -> Failure {
        let problem: String
        switch error as? YamlError {
        case .scanner(_, let text, let mark, _), .parser(_, let text, let mark, _), .composer(_, let text, let mark, _):
            problem = "line \(mark.line), column \(mark.column): \(text)"
        case .duplicatedKeysInMapping(let duplicates, let context):
            problem = "line \(context.mark.line): more than one '\(duplicates.sorted().joined(separator: "', '"))'"
        default:
            problem = "it can't be parsed"
        }
        return Failure(
            .configuration, "\(file) is no valid YAML: \(problem)",
            hint: "Put values with special characters in double quotes.")
    }
}
