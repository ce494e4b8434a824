import BSON
import Model

/// What a collection has of the indexes that are asked for. Pure.
package struct IndexComparison: Sendable, Equatable {
    package struct Difference: Sendable, Equatable {
        package let name: String
        /// In words, at least one: `keys`, `unique`, `sparse or where`, `collation`.
        package let parts: [String]
    }

    package struct Unique: Sendable, Equatable {
        package let name: String
        package let paths: [String]
    }

    /// Not there, or still being made.
    package private(set) var missing: [String] = []
    /// There under their names, but as others.
    package private(set) var different: [Difference] = []
    /// Every unique index that documents without its fields are in, asked for or not.
    package let unique: [Unique]

    /// - Parameter stored: as `listIndexes` shows them.
    init(asked indexes: [CollectionIndex], omitsNulls: Bool, stored: [BSONDocument]) {
        unique = stored.filter { $0["unique"] == true && $0["sparse"] != true }.compactMap { index in
            let paths = index["key"]?.asDocument?.names ?? []
            let conditions = index["partialFilterExpression"]?.asDocument?.names ?? []
            guard Set(paths).isDisjoint(with: conditions) else { return nil }
            return Unique(name: index["name"]?.asString ?? "", paths: paths)
        }
        for index in indexes {
            guard let found = stored.first(where: { $0["name"]?.asString == index.name }) else {
                missing.append(index.name)
                continue
            }
            let parts = IndexComparison.differences(index.specification(omitsNulls: omitsNulls), found)
            if !parts.isEmpty { different.append(Difference(name: index.name, parts: parts)) }
        }
    }

    private static func differences(_ asked: BSONDocument, _ stored: BSONDocument) -> [String] {
        [
            keys(asked) == keys(stored) ? nil : "keys",
            (asked["unique"] == true) == (stored["unique"] == true) ? nil : "unique",
            asked["partialFilterExpression"] == stored["partialFilterExpression"] && stored["sparse"] != true
                ? nil : "sparse or where",
            collation(asked) == collation(stored) ? nil : "collation",
        ].compactMap { $0 }
    }

    /// A shell writes the directions as doubles; an index may also be on `"hashed"`.
    private static func keys(_ index: BSONDocument) -> [String] {
        (index["key"]?.asDocument?.elements ?? []).map { field in
            let direction = field.value.asInt64.map { "\($0)" }
            return "\(field.name) \(direction ?? field.value.asString ?? "")"
        }
    }

    /// The server adds every other setting to it.
    private static func collation(_ index: BSONDocument) -> [String] {
        guard let collation = index["collation"]?.asDocument else { return [] }
        return [collation["locale"]?.asString ?? "", "\(collation["strength"]?.asInt64 ?? 3)"]
    }
}
