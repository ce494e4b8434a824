import BSON
import Model

extension BackfillState {
    /// `{segments: [{after, through, position, is_done, leaf}], rows, started_at, floor}`; keys are arrays of text, null is
    /// open. `leaf` is `{oid, schema, name}`, and there only in segments of one.
    var bson: BSONValue {
        let segments = segments.map { segment -> BSONValue in
            var fields: [(String, BSONValue)] = [
                ("after", key(segment.after)), ("through", key(segment.through)), ("position", key(segment.position)),
                ("is_done", .bool(segment.isDone)),
            ]
            if let leaf = segment.leaf { fields.append(("leaf", leaf.bson)) }
            return .document(BSONDocument(fields))
        }
        return [
            "segments": .array(segments), "rows": .int64(Int64(rows)), "started_at": .time(startedAt),
            "floor": .int64(Int64(bitPattern: floor)),
        ]
    }

    private func key(_ values: [String]?) -> BSONValue { values.map { .array($0.map { .string($0) }) } ?? .null }

    init?(_ document: BSONDocument, of table: TableName) {
        guard let segments = document["segments"]?.asArray else { return nil }
        func key(_ value: BSONValue?) -> [String]? { value?.asArray?.compactMap(\.asString) }
        self.init(
            table: table,
            segments: segments.compactMap(\.asDocument).map {
                SegmentState(
                    after: key($0["after"]), through: key($0["through"]),
                    leaf: $0["leaf"]?.asDocument.flatMap { Partition($0) }, position: key($0["position"]),
                    isDone: $0["is_done"]?.asBool ?? false)
            },
            rows: document["rows"]?.asInt ?? 0,
            startedAt: document["started_at"]?.asTime ?? SourceTime(microseconds: 0),
            floor: UInt64(bitPattern: document["floor"]?.asInt64 ?? 0))
    }
}

extension Partition {
    fileprivate var bson: BSONValue {
        ["oid": .int64(Int64(oid)), "schema": .string(name.schema), "name": .string(name.name)]
    }

    fileprivate init?(_ document: BSONDocument) {
        guard let oid = document["oid"]?.asInt64.flatMap({ UInt32(exactly: $0) }),
            let schema = document["schema"]?.asString, let name = document["name"]?.asString
        else { return nil }
        self.init(oid: oid, name: TableName(schema: schema, name: name))
    }
}
