import BSON
import Model

/// An `_id` that is a text with the values of the key's columns in it: `${tenant_id}:${order_no}`.
///
/// Injective, and read back without doubt: of the columns at most one is free text; the values of the others have an
/// alphabet of their own, in which the first character of what stands behind them (before them, for those to the right
/// of the free one) doesn't occur.
struct KeyTemplate: Sendable {
    enum Part: Hashable, Sendable {
        case literal(String)
        /// Position in the key.
        case value(Int)
    }

    let text: String
    let parts: [Part]
    let codecs: [ValueCodec]
    /// Of the part that may hold anything.
    private let free: Int?

    /// Throws a `Failure` of kind `.configuration`.
    init(_ text: String, columns: [String], codecs: [ValueCodec], collection: String) throws(Failure) {
        func refused(_ why: String, hint: String) -> Failure {
            Failure(.configuration, "'id' of collection \(collection) is '\(text)', \(why)", hint: hint)
        }
        self.text = text
        self.codecs = codecs
        parts = try KeyTemplate.parse(text, columns: columns, refused)
        for (position, column) in columns.enumerated() where !parts.contains(.value(position)) {
            throw refused(
                "in which ${\(column)} is missing",
                hint: "Rows that differ in that column of the key would be one document: put every one of them in.")
        }
        let values = parts.compactMap { if case .value(let position) = $0 { position } else { nil } }
        guard Set(values).count == values.count else {
            throw refused("which has a column twice", hint: "Put every column of the key in once.")
        }
        for position in values where !KeyTemplate.takes(codecs[position]) {
            throw refused(
                "and column \(columns[position]) is no whole number, text, uuid or boolean",
                hint: "Use id: [\(columns.joined(separator: ", "))].")
        }
        let all = parts
        let freeOnes = all.indices.filter { index in
            if case .value(let position) = all[index] {
                KeyTemplate.alphabet(of: codecs[position]) == nil
            } else {
                false
            }
        }
        guard freeOnes.count < 2 else {
            throw refused(
                "and more than one of its columns may hold any text",
                hint: "Two rows could have one _id. Use id: [\(columns.joined(separator: ", "))], a document.")
        }
        free = freeOnes.first
        for index in parts.indices.dropLast() {
            guard let problem = ambiguity(between: index, and: index + 1) else { continue }
            throw refused(
                "and \(problem)", hint: "Put a separator there that can't be in a value, like ':' after a number.")
        }
    }

    private static func parse(
        _ text: String, columns: [String], _ refused: (String, String) -> Failure
    ) throws(Failure) -> [Part] {
        var parts: [Part] = []
        var literal = ""
        var rest = Substring(text)
        while let character = rest.first {
            guard rest.hasPrefix("${") else {
                literal.append(character)
                rest.removeFirst()
                continue
            }
            guard let end = rest.firstIndex(of: "}") else {
                throw refused("in which a '${' has no '}'", "Write ${column} for a value.")
            }
            let name = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end])
            guard let position = columns.firstIndex(of: name) else {
                throw refused(
                    "and \(name) is no column of the key",
                    Suggestion.nearest(to: name, among: columns).map { "Did you mean ${\($0)}?" }
                        ?? "The key is \(columns.joined(separator: ", ")).")
            }
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = ""
            parts.append(.value(position))
            rest = rest[rest.index(after: end)...]
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        return parts
    }

    private static func takes(_ codec: ValueCodec) -> Bool {
        guard case .scalar(let scalar) = codec else { return false }
        return scalar == .text || alphabet(of: codec) != nil
    }

    /// The text of a key (`MappingPlan.keyText`) from what stands for the value in an `_id`; nil when no value is
    /// written so.
    static func keyText(of text: String, _ codec: ValueCodec) -> String? {
        guard case .scalar(let scalar) = codec else { return nil }
        switch scalar {
        case .bool: return ["true": "t", "false": "f"][text]
        case .uuid: return text.wholeMatch(of: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/).map { _ in text }
        case .text: return scalar.keyText(of: .string(text))
        default: return Int64(text).flatMap { scalar.keyText(of: .int64($0)) }.flatMap { $0 == text ? text : nil }
        }
    }

    /// The characters of a value's text; nil for any.
    private static func alphabet(of codec: ValueCodec) -> Set<UInt8>? {
        guard case .scalar(let scalar) = codec else { return nil }
        switch scalar {
        case .int2, .int4, .int8, .oid: return Set("-0123456789".utf8)
        case .uuid: return Set("-0123456789abcdef".utf8)
        case .bool: return Set("truefals".utf8)
        default: return nil
        }
    }

    /// Why nobody could tell where the one part ends and the next begins.
    private func ambiguity(between left: Int, and right: Int) -> String? {
        switch (parts[left], parts[right]) {
        case (.value, .value): return "two values stand side by side"
        case (.value(let position), .literal(let literal)):
            // What is left of the free part is read from the left.
            if let free, left >= free { return nil }
            return clashes(position, literal.utf8.first)
        case (.literal(let literal), .value(let position)):
            guard let free, right > free else { return nil }
            return clashes(position, literal.utf8.last)
        case (.literal, .literal): return nil
        }
    }

    private func clashes(_ position: Int, _ separator: UInt8?) -> String? {
        guard let separator, KeyTemplate.alphabet(of: codecs[position])?.contains(separator) ?? false else {
            return nil
        }
        return "a value may hold the separator beside it"
    }

    /// Two templates of one form make the same texts; the columns' names are not in it.
    var form: String {
        let words = parts.map { part in
            switch part {
            case .literal(let text): "\(text.utf8.count):\(text)"
            case .value(let position): "$\(position):\(codecs[position].keyForm)"
            }
        }
        return "template(\(words.joined(separator: ",")))"
    }

    // MARK: - Writing and reading

    /// - Parameter texts: of the values, in key order.
    func id(_ texts: [String]) -> String {
        parts.map { part in
            switch part {
            case .literal(let text): text
            case .value(let position): texts[position]
            }
        }.joined()
    }

    /// The texts of the values, in key order; nil when the template makes no such text.
    func texts(of id: String) -> [String]? {
        var rest = Array(id.utf8)[...]
        var texts = [String](repeating: "", count: codecs.count)
        let free = free ?? parts.count
        for part in parts[..<free] {
            guard take(part, from: &rest, into: &texts, atEnd: false) else { return nil }
        }
        for part in parts[free...].dropFirst().reversed() {
            guard take(part, from: &rest, into: &texts, atEnd: true) else { return nil }
        }
        if free < parts.count, case .value(let position) = parts[free] {
            texts[position] = String(decoding: rest, as: UTF8.self)
            rest = []
        }
        return rest.isEmpty ? texts : nil
    }

    /// By bytes: what is one character for people may belong to two parts.
    private func take(_ part: Part, from rest: inout ArraySlice<UInt8>, into texts: inout [String], atEnd: Bool) -> Bool
    {
        let count: Int
        switch part {
        case .literal(let text):
            guard atEnd ? rest.reversed().starts(with: text.utf8.reversed()) : rest.starts(with: text.utf8) else {
                return false
            }
            count = text.utf8.count
        case .value(let position):
            guard let alphabet = KeyTemplate.alphabet(of: codecs[position]) else { return false }
            count = (atEnd ? Array(rest.reversed()) : Array(rest)).prefix { alphabet.contains($0) }.count
            texts[position] = String(decoding: atEnd ? rest.suffix(count) : rest.prefix(count), as: UTF8.self)
        }
        rest = atEnd ? rest.dropLast(count) : rest.dropFirst(count)
        return true
    }
}
