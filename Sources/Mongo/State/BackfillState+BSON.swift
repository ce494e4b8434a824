import BSON
import Model

extension BackfillState {
    /// `{segments: [{after, through, position, is_done}], rows, started_at, floor, is_again}`; keys are arrays of text, null
    /// is open.
    var bson: BSONValue {
        let segments = segments.map { segment -> BSONValue in
            [
                "after": key(segment.after), "through": key(segment.through), "position": key(segment.position),
                "is_done": .bool(segment.isDone),
            ]
        }
        return [
            "segments": .array(segments), "rows": .int64(Int64(rows)), "started_at": .time(startedAt),
            "floor": .int64(Int64(bitPattern: floor)), "is_again": .bool(isAgain),
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
                    after: key($0["after"]), through: key($0["through"]), position: key($0["position"]),
                    isDone: $0["is_done"]?.asBool ?? false)
            },
            rows: document["rows"]?.asInt ?? 0,
            startedAt: document["started_at"]?.asTime ?? SourceTime(microseconds: 0),
            floor: UInt64(bitPattern: document["floor"]?.asInt64 ?? 0),
            isAgain: document["is_again"]?.asBool ?? false)
    }
}
