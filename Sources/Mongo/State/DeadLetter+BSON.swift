import BSON
import Model

extension DeadLetter {
    /// `{_id: {pipeline, sequence}, collection, schema, table, holds: [key], keys: [key], kind, reason, at: {lsn, xid,
    /// commit_time}, row | document | bytes}`. A key is what `_id` is in its document; `holds` are those of `keys` that
    /// nobody has released.
    func bson(in pipeline: String) -> BSONDocument {
        let keys = BSONValue.array(keys.map { $0["_id"] ?? .null })
        var fields: [(String, BSONValue)] = [
            ("_id", ["pipeline": .string(pipeline), "sequence": .int64(sequence)]),
            ("schema_version", .int32(stateSchemaVersion)), ("collection", .string(collection)),
            ("schema", table.map { .string($0.schema) } ?? .null), ("table", table.map { .string($0.name) } ?? .null),
            ("holds", keys), ("keys", keys), ("kind", .string(kind.rawValue)), ("reason", .string(reason)),
        ]
        if let origin {
            fields.append(
                (
                    "at",
                    [
                        "lsn": .string(origin.lsn.description),
                        "xid": origin.xid.map { .int64(Int64($0)) } ?? .null,
                        "commit_time": .time(origin.commitTime),
                    ]
                ))
        }
        switch content {
        case .row(let row): fields.append(("row", .document(row)))
        case .document(let document): fields.append(("document", .document(document)))
        case .tooLarge(let bytes): fields.append(("bytes", .int64(Int64(bytes))))
        case .none: break
        }
        return BSONDocument(fields)
    }

    init?(_ document: BSONDocument) {
        guard let sequence = document["_id"]?.asDocument?["sequence"]?.asInt64,
            let collection = document["collection"]?.asString, let keys = document["keys"]?.asArray,
            let kind = document["kind"]?.asString.flatMap({ Kind(rawValue: $0) })
        else { return nil }
        var table: TableName?
        if let schema = document["schema"]?.asString, let name = document["table"]?.asString {
            table = TableName(schema: schema, name: name)
        }
        let origin = document["at"]?.asDocument.flatMap { at in
            at["lsn"]?.asLSN.map {
                Origin(
                    lsn: $0, xid: at["xid"]?.asInt64.flatMap { UInt32(exactly: $0) },
                    commitTime: at["commit_time"]?.asTime)
            }
        }
        let content: Content =
            if let row = document["row"]?.asDocument {
                .row(row)
            } else if let written = document["document"]?.asDocument {
                .document(written)
            } else if let bytes = document["bytes"]?.asInt {
                .tooLarge(bytes)
            } else {
                .none
            }
        self.init(
            collection: collection, table: table, keys: keys.map { ["_id": $0] }, kind: kind,
            reason: document["reason"]?.asString ?? "", origin: origin, content: content)
        self.sequence = sequence
    }
}
