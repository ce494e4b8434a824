import BSON

/// Writes that leave a document alone when it is newer than what is written: an application has written it since.
///
/// Newer is a document whose field is a date, and later than the date in what is written, or anywhere in time when that
/// holds none (NULL, infinity). At the same millisecond it is not newer. The server compares, in an update by a
/// pipeline of aggregation stages: twice as fast as a guard in the filter, and a stale write changes nothing instead of
/// failing as a duplicate key.
struct LastModifiedGuard {
    let field: String
    /// The document's value, as an expression.
    private let value: BSONValue

    /// - Parameter field: any name. One that MongoDB would read as a path or a variable takes `$getField` (MongoDB
    ///   5.0).
    init(field: String) {
        self.field = field
        let isPlain = !field.hasPrefix("$") && !field.utf8.contains(0x2E)
        value =
            isPlain ? .string("$" + field) : ["$getField": ["field": ["$literal": .string(field)], "input": "$$ROOT"]]
    }

    /// A pipeline that puts the whole document `row`, also where there is none yet.
    func replacement(_ row: UnsafeRawBufferPointer) throws -> BSONDocument {
        try unlessNewer(than: row, put: ["$literal": .document(BSONDocument(unchecked: Array(row)))])
    }

    /// A pipeline that sets `fields` and keeps the others.
    func update(_ fields: UnsafeRawBufferPointer) throws -> BSONDocument {
        if PartialDocument.isPartial(fields) {
            return try unlessNewer(than: fields, put: try PartialDocument.expression(fields))
        }
        let fieldsToSet: BSONValue = ["$literal": .document(BSONDocument(unchecked: Array(fields)))]
        return try unlessNewer(than: fields, put: ["$mergeObjects": ["$$ROOT", fieldsToSet]])
    }

    /// The filter of the document with this key (`{_id: …}`), unless it is newer than `row`.
    func selector(_ key: BSONDocument, unlessNewerThan row: UnsafeRawBufferPointer) throws -> BSONDocument {
        let isNewer = isNewer(than: try moment(of: row))
        return ["_id": key["_id"] ?? .null, "$expr": ["$not": [isNewer]]]
    }

    /// The filter of the document with this key, if it says when it was last written, and that was not after `moment`.
    func selector(_ key: BSONDocument, notAfter moment: Int64) -> BSONDocument {
        let isOlder: BSONValue = ["$lte": [value, .date(moment)]]
        return ["_id": key["_id"] ?? .null, "$expr": ["$and": [["$eq": [["$type": value], "date"]], isOlder]]]
    }

    /// When the document was last written, in milliseconds since 1970-01-01 UTC; nil when it doesn't say.
    func moment(of document: UnsafeRawBufferPointer) throws -> Int64? {
        var reader = try BSONReader(document)
        while let element = try reader.next() {
            if element.nameBytes.elementsEqual(field.utf8) { return try element.value().asDate }
        }
        return nil
    }

    /// Whether the first was written later.
    static func isNewer(_ document: Int64?, than row: Int64?) -> Bool {
        guard let document else { return false }
        return row.map { document > $0 } ?? true
    }

    private func unlessNewer(than row: UnsafeRawBufferPointer, put document: BSONValue) throws -> BSONDocument {
        let isNewer = isNewer(than: try moment(of: row))
        return ["0": ["$replaceWith": ["$cond": [isNewer, "$$ROOT", document]]]]
    }

    /// `isNewer` in the server's words. The order of BSON types puts some above every date, so the type counts too.
    private func isNewer(than moment: Int64?) -> BSONValue {
        let isDate: BSONValue = ["$eq": [["$type": value], "date"]]
        guard let moment else { return isDate }
        let isLater: BSONValue = ["$gt": [value, .date(moment)]]
        return ["$and": [isDate, isLater]]
    }
}
