import BSON
import Model

/// Checks `indexes` of one collection. Every error is a `Failure` of kind `.configuration` that names the key.
struct IndexResolver: Sendable {
    /// Where they were given: the file's name.
    let file: String
    /// Of the collection in the file.
    let path: String

    /// By name, sorted.
    func indexes(_ given: [String: ConfiguredIndex]?) throws -> [CollectionIndex] {
        try (given ?? [:]).sorted { $0.key < $1.key }.map { try index($0.key, $0.value) }
    }

    private func index(_ name: String, _ entry: ConfiguredIndex) throws -> CollectionIndex {
        guard !name.isEmpty, name.utf8.count <= 127, !name.utf8.contains(0), name != "_id_", name != "*" else {
            throw Failure(
                .configuration, "'\(path).indexes' in \(file) has an index that can't be called '\(name)'",
                hint: "A name has 1 to 127 bytes, and is neither _id_ nor *.")
        }
        var index = CollectionIndex(name: name, keys: try keys(entry.keys ?? [], name))
        index.isUnique = entry.unique ?? false
        index.isSparse = entry.sparse ?? false
        index.conditions = try (entry.conditions ?? [:]).sorted { $0.key < $1.key }.map { path, constant in
            try check(path, "where", name)
            return CollectionIndex.Condition(path: path, value: value(constant))
        }
        index.collation = try entry.collation.map { try collation($0, name) }
        return index
    }

    /// MongoDB takes 32 fields (MongoDB limits, "Number of Indexed Fields in a Compound Index").
    private func keys(_ given: [String], _ name: String) throws -> [CollectionIndex.Key] {
        guard (1...32).contains(given.count) else {
            throw failure(
                "keys", of: name, given.isEmpty ? "names no field" : "names more than 32 fields",
                hint: "Write keys: [customer_id, -placed_at]; a minus makes a field descending.")
        }
        var keys: [CollectionIndex.Key] = []
        for text in given {
            let isDescending = text.hasPrefix("-")
            let path = isDescending ? String(text.dropFirst()) : text
            try check(path, "keys", name)
            if keys.contains(where: { $0.path == path }) {
                throw failure("keys", of: name, "names \(path) twice", hint: "Name every field once.")
            }
            keys.append(CollectionIndex.Key(path, isDescending: isDescending))
        }
        return keys
    }

    private func check(_ path: String, _ key: String, _ name: String) throws {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix("$") && !$0.utf8.contains(0) }) else {
            throw failure(
                key, of: name, "has '\(path)', which is no path of a field", hint: "Write a path like shipping.city.")
        }
    }

    private func value(_ constant: ConfiguredConstant?) -> BSONValue {
        switch constant {
        case nil: .null
        case .bool(let bool): .bool(bool)
        case .integer(let number): .integer(number)
        case .text(let text): .string(text)
        }
    }

    private func collation(
        _ given: ConfiguredIndex.Collation, _ name: String
    ) throws -> CollectionIndex.Collation {
        guard let locale = given.locale, locale.wholeMatch(of: /[a-z]{2,3}([_@][A-Za-z0-9_=]+)*/) != nil else {
            throw failure(
                "collation.locale", of: name, given.locale == nil ? "is missing" : "is no locale",
                hint: "Write a language that MongoDB knows, like en.")
        }
        guard (1...5).contains(given.strength ?? 3) else {
            throw failure(
                "collation.strength", of: name, "is \(given.strength ?? 3)", hint: "It must be between 1 and 5.")
        }
        return CollectionIndex.Collation(locale: locale, strength: given.strength ?? 3)
    }

    private func failure(_ key: String, of name: String, _ problem: String, hint: String) -> Failure {
        Failure(.configuration, "'\(path).indexes.\(name).\(key)' in \(file) \(problem)", hint: hint)
    }
}
