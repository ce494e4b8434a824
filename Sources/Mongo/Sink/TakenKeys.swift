import BSON
import Model

/// Which writes of a collection meet a document of their key, as a transaction sees it.
struct TakenKeys {
    let connection: MongoConnection
    let session: MongoSession
    let database: String

    /// - Parameter positions: of writes whose keys are all different.
    /// - Returns: those of them whose keys are there; all when that can't be told by the bytes of the keys.
    func find(among positions: [Int], of writes: CollectionWrites) throws -> Set<Int> {
        if positions.isEmpty { return [] }
        func taken(_ found: [BSONDocument]) -> Set<Int> {
            if found.isEmpty { return [] }
            let keys = Set(found)
            return Set(positions.filter { keys.contains(key(of: $0, in: writes)) })
        }
        if let bounds = try bounds(of: positions, in: writes) {
            // A chunk's keys lie side by side: going along the index there costs a tenth of looking for each.
            let found = try find(["$gte": bounds.first, "$lte": bounds.last], in: writes, limit: positions.count + 1)
            let areComparable = found.allSatisfy { $0["_id"]?.type == bounds.first.type }
            if found.count <= positions.count, areComparable { return taken(found) }
        }
        let keys = positions.map { key(of: $0, in: writes)["_id"] ?? .null }
        let found = try find(["$in": .array(keys)], in: writes, limit: positions.count)
        let taken = taken(found)
        // To MongoDB the number 1 is 1.0, whatever their types.
        return taken.count == found.count ? taken : Set(positions)
    }

    private func key(of position: Int, in writes: CollectionWrites) -> BSONDocument {
        BSONDocument(unchecked: writes.bytes(writes.writes[position].key))
    }

    private func find(_ filter: BSONValue, in writes: CollectionWrites, limit: Int) throws -> [BSONDocument] {
        try connection.find(
            database, writes.collection, filter: ["_id": filter], projection: ["_id": 1], limit: limit,
            session: session)
    }

    /// The first and the last key in MongoDB's order; nil unless all are integers, or all UUIDs, of one type.
    private func bounds(
        of positions: [Int], in writes: CollectionWrites
    ) throws -> (first: BSONValue, last: BSONValue)? {
        var bounds: (first: BSONValue, last: BSONValue)?
        for position in positions {
            let value = try writes.withBytes(writes.writes[position].key) { key in
                var reader = try BSONReader(key)
                return try reader.next()?.value()
            }
            guard let value else { return nil }
            let (first, last) = bounds ?? (value, value)
            guard let isBeforeFirst = precedes(value, first), let isBehindLast = precedes(last, value) else {
                return nil
            }
            bounds = (isBeforeFirst ? value : first, isBehindLast ? value : last)
        }
        return bounds
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
