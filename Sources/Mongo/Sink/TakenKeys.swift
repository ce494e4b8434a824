import BSON

/// Which keys a collection has already, as a transaction sees it.
struct TakenKeys {
    let connection: MongoConnection
    let session: MongoSession
    let database: String
    let collection: String

    /// - Parameter keys: all different.
    /// - Returns: those of them that are there; nil when that can't be told by their bytes, and any may be.
    func find(among keys: Set<BSONDocument>) throws -> Set<BSONDocument>? {
        if keys.isEmpty { return [] }
        let values = keys.compactMap { $0["_id"] }
        if let bounds = bounds(values) {
            // A chunk's keys lie side by side: going along the index there costs a tenth of looking for each.
            let found = try find(["$gte": bounds.first, "$lte": bounds.last], limit: keys.count + 1)
            let areComparable = found.allSatisfy { $0["_id"]?.type == bounds.first.type }
            if found.count <= keys.count, areComparable { return keys.intersection(found) }
        }
        let found = try find(["$in": .array(values)], limit: keys.count)
        // To MongoDB the number 1 is 1.0, whatever their types.
        return found.allSatisfy(keys.contains) ? Set(found) : nil
    }

    private func find(_ filter: BSONValue, limit: Int) throws -> [BSONDocument] {
        try connection.find(
            database, collection, filter: ["_id": filter], projection: ["_id": 1], limit: limit, session: session)
    }

    /// The first and the last in MongoDB's order; nil unless all are integers, or all UUIDs, of one type.
    private func bounds(_ values: [BSONValue]) -> (first: BSONValue, last: BSONValue)? {
        guard var first = values.first else { return nil }
        var last = first
        for value in values {
            guard let isBeforeFirst = precedes(value, first), let isBehindLast = precedes(last, value) else {
                return nil
            }
            if isBeforeFirst { first = value }
            if isBehindLast { last = value }
        }
        return (first, last)
    }

    private func precedes(_ value: BSONValue, _ other: BSONValue) -> Bool? {
        switch (value, other) {
        case (.int32(let value), .int32(let other)): value < other
        case (.int64(let value), .int64(let other)): value < other
        case (.binary(4, let value), .binary(4, let other)): value.lexicographicallyPrecedes(other)
        default: nil
        }
    }
}
