import Foundation
import Model
import Replication
import Testing

@testable import WherryCommand

/// docs/wherry.schema.json is what the program reads, with what docs/configuration.md says of each key.
@Suite struct ConfigurationSchemaTests {
    private static let path = "docs/wherry.schema.json"
    private static let command = "WHERRY_UPDATE_SCHEMA=1 swift test --filter ConfigurationSchemaTests"

    @Test func theFileIsWhatTheProgramReads() throws {
        let url = repository.appending(path: Self.path)
        let now = try ConfigurationSchema(meanings: meanings()).text
        if ProcessInfo.processInfo.environment["WHERRY_UPDATE_SCHEMA"] != nil { try Data(now.utf8).write(to: url) }
        let stored = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
        let difference = now.split(separator: "\n").difference(from: stored.split(separator: "\n"))
        let lines = difference.map { change in
            switch change {
            case .insert(let line, let text, _): "+\(line + 1) \(text)"
            case .remove(let line, let text, _): "-\(line + 1) \(text)"
            }
        }
        #expect(now == stored, "\(Self.path) is out of date: \(lines.joined(separator: "\n"))\nrun \(Self.command)")
    }

    /// What types decode is what coding keys say.
    @Test func everyKeyHasAPlace() throws {
        #expect(try SchemaNode(ConfigurationFile.self).paths == KnownKeys.file.paths)
    }

    @Test func whatPlacesTake() throws {
        guard case .mapping(let file) = try SchemaNode(ConfigurationFile.self),
            case .mapping(let source) = file["source"], case .named(.mapping(let collection)) = file["collections"]
        else {
            Issue.record("the file is no mapping of mappings")
            return
        }
        #expect(source["schemas"] == .list(.text) && source["uri"] == .text)
        #expect(collection["dual_write"] == .boolean && collection["id"] == .either([.list(.text), .text]))
        #expect(collection["timestamp"] == .either([.named(.text), .text]))
        #expect(collection["mask"] == .named(.either([.null, .text])))
        guard case .named(.mapping(let index)) = collection["indexes"] else {
            Issue.record("indexes are no mapping of names")
            return
        }
        #expect(index["where"] == .named(.either([.null, .boolean, .integer, .text])))
    }

    private func problems(_ yaml: String) throws -> [String] {
        try SchemaCheck(Data(contentsOf: repository.appending(path: Self.path))).problems(yaml)
    }

    /// What the documents show is what editors take, and the program.
    @Test(arguments: ["docs/configuration.md", "docs/mapping.md"]) func examplesFit(_ path: String) throws {
        let text = try String(contentsOf: repository.appending(path: path), encoding: .utf8)
        let examples = text.matches(of: /```yaml\n((?s).*?)```/).map { String($0.output.1) }
        #expect(!examples.isEmpty)
        for example in examples {
            // Of one collection where no section begins it.
            let first = example.prefix { $0 != ":" }
            let isWhole = KnownKeys.file.paths.contains { $0 == first || $0.hasPrefix(first + ".") }
            let lines = example.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
            let file = isWhole ? example : "collections:\n  c:\n" + lines
            #expect(try problems(file) == [], "\(path): \(file)")
            let environment = ["PG_URI": "", "WHERRY_MASK_SALT": ""]
            #expect(throws: Never.self) { try ConfigurationReader(environment: environment, file: path).parse(file) }
        }
    }

    @Test(arguments: [
        ("timestamp: iso", true), ("timestamp: { logged_at: iso, at: date }", true), ("timestamp: { at: is }", false),
        ("timestamp: isoo", false), ("numeric_overflow: { amount: dead_letter }", true),
        ("out_of_range: { until: fail }", true), ("out_of_range: { until: 5 }", false),
        ("mask: { a: null, b: sha256, c: \"null\" }", true), ("mask: { a: sha }", false),
        ("id: wrapped", true), ("id: [a, b]", true), ("id: { a: b }", false),
        ("indexes: { i: { keys: [a], where: { n: 5, s: open, b: true, z: null } } }", true),
        ("indexes: { i: { keys: [a], where: { n: 5.5 } } }", false), ("indexes: { i: { keys: a } }", false),
        ("dual_write: maybe", false), ("wher: a", false),
    ])
    func whatEditorsTake(_ entry: String, fits: Bool) throws {
        let problems = try problems("collections: { c: { from: public.t, \(entry) } }")
        #expect(problems.isEmpty == fits, "\(problems)")
    }

    @Test(arguments: ["fail", "dead_letter", "drop"]) func onRefusedIsAWord(_ word: String) throws {
        #expect(try problems("apply: { on_refused: \(word) }").isEmpty == (RefusalPolicy(rawValue: word) != nil))
    }

    /// From the table of docs/configuration.md, by key.
    private func meanings() throws -> [String: String] {
        let text = try String(contentsOf: repository.appending(path: "docs/configuration.md"), encoding: .utf8)
        var meanings: [String: String] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 4 else { continue }
            meanings[cells[0].filter { $0 != "`" }] = cells[3].replacing(/\[([^\]]*)\]\([^)]*\)/) { $0.output.1 }
        }
        return meanings
    }
}
