import BSON
import Model

extension BackfillState {
    /// `{segments: [{after, through, position, is_done, leaf}], rows, started_at, floor, cause, condition, sweep, is_paused,
    /// is_cancelled}`; keys are arrays of text, null is open. `leaf` is `{oid, schema, name}`, and there only in segments of
    /// one. `sweep` is `{position: null | {_id}, removed, foreign, is_done}`, or null.
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
            "floor": .int64(Int64(bitPattern: floor)), "cause": .string(cause.rawValue),
            "condition": condition.map { .string($0) } ?? .null, "sweep": sweep?.bson ?? .null,
            "is_paused": .bool(isPaused), "is_cancelled": .bool(isCancelled),
        ]
    }

    private func key(_ values: [String]?) -> BSONValue { values.map { .array($0.map { .string($0) }) } ?? .null }

    init?(_ document: BSONDocument, of route: Route) {
        guard let segments = document["segments"]?.asArray else { return nil }
        func key(_ value: BSONValue?) -> [String]? { value?.asArray?.compactMap(\.asString) }
        self.init(
            route: route,
            segments: segments.compactMap(\.asDocument).map {
                SegmentState(
                    after: key($0["after"]), through: key($0["through"]),
                    leaf: $0["leaf"]?.asDocument.flatMap { Partition($0) }, position: key($0["position"]),
                    isDone: $0["is_done"]?.asBool ?? false)
            },
            rows: document["rows"]?.asInt ?? 0,
            startedAt: document["started_at"]?.asTime ?? SourceTime(microseconds: 0),
            floor: UInt64(bitPattern: document["floor"]?.asInt64 ?? 0),
            cause: document["cause"]?.asString.flatMap { Cause(rawValue: $0) } ?? .first,
            condition: document["condition"]?.asString,
            sweep: document["sweep"]?.asDocument.map { Sweep($0) })
        isPaused = document["is_paused"]?.asBool ?? false
        isCancelled = document["is_cancelled"]?.asBool ?? false
    }
}

extension BackfillState.Sweep {
    fileprivate var bson: BSONValue {
        [
            "position": position.map { .document($0) } ?? .null, "removed": .int64(Int64(removed)),
            "foreign": .int64(Int64(foreign)), "is_done": .bool(isDone),
        ]
    }

    fileprivate init(_ document: BSONDocument) {
        self.init(
            position: document["position"]?.asDocument, removed: document["removed"]?.asInt ?? 0,
            foreign: document["foreign"]?.asInt ?? 0, isDone: document["is_done"]?.asBool ?? false)
    }
}

extension BackfillRequest {
    /// `{cause, condition, removes_gone, requested_at, host}`
    var bson: BSONValue {
        [
            "cause": .string(cause.rawValue), "condition": condition.map { .string($0) } ?? .null,
            "removes_gone": .bool(removesGone), "requested_at": .time(requestedAt), "host": .string(host),
        ]
    }

    init?(_ document: BSONDocument) {
        guard let cause = document["cause"]?.asString.flatMap({ BackfillState.Cause(rawValue: $0) }),
            let removesGone = document["removes_gone"]?.asBool, let requestedAt = document["requested_at"]?.asTime
        else { return nil }
        self.init(
            cause: cause, condition: document["condition"]?.asString, removesGone: removesGone,
            requestedAt: requestedAt, host: document["host"]?.asString ?? "")
    }
}

extension Partition {
    var bson: BSONValue {
        ["oid": .int64(Int64(oid)), "schema": .string(name.schema), "name": .string(name.name)]
    }

    init?(_ document: BSONDocument) {
        guard let oid = document["oid"]?.asInt64.flatMap({ UInt32(exactly: $0) }),
            let schema = document["schema"]?.asString, let name = document["name"]?.asString
        else { return nil }
        self.init(oid: oid, name: TableName(schema: schema, name: name))
    }
}
