import BSON
import Model

extension CollectionIndex {
    /// As `createIndexes` takes it (MongoDB manual, "createIndexes").
    ///
    /// A sparse index of several fields in MongoDB has documents that lack only some of them, and those with a null: so
    /// it is a partial one.
    func specification(omitsNulls: Bool) -> BSONDocument {
        var fields: [(String, BSONValue)] = [
            ("key", .document(BSONDocument(keys.map { ($0.path, .int32($0.isDescending ? -1 : 1)) }))),
            ("name", .string(name)),
        ]
        if isUnique { fields.append(("unique", true)) }
        let filter = filter(omitsNulls: omitsNulls)
        if !filter.isEmpty { fields.append(("partialFilterExpression", .document(BSONDocument(filter)))) }
        if let collation {
            fields.append(
                ("collation", ["locale": .string(collation.locale), "strength": .int32(Int32(collation.strength))]))
        }
        return BSONDocument(fields)
    }

    private func filter(omitsNulls: Bool) -> [(String, BSONValue)] {
        var filter = conditions.map { ($0.path, $0.value) }
        guard isSparse else { return filter }
        for key in keys where !filter.contains(where: { $0.0 == key.path }) {
            filter.append((key.path, omitsNulls ? ["$exists": true] : ["$type": .array(CollectionIndex.types)]))
        }
        return filter
    }

    /// Every type of a value but null. (Queries that don't name the type can't use such an index; `$exists` they can.)
    private static let types: [BSONValue] = [
        "double", "string", "object", "array", "binData", "objectId", "bool", "date", "int", "long", "decimal",
        "timestamp", "regex", "javascript", "minKey", "maxKey",
    ]
}
