import BSON
import Model

extension SharedCopy {
    /// `{_id: pipeline, epoch, attempt, snapshot, digests: [{schema, table, collection, digest}], ended: null | "whole" | "given_up",
    /// leader_until, schema_version}`; the fields that never change. As an update's pipeline sets them.
    var fields: [(String, BSONValue)] {
        let list = digests.sorted { $0.key < $1.key }.map { route, digest -> BSONValue in
            .document(BSONDocument(route.fields + [("digest", .string(digest))]))
        }
        return [
            ("epoch", .int64(epoch)), ("attempt", .int64(Int64(attempt))),
            ("snapshot", ["$literal": .string(snapshot)]), ("digests", ["$literal": .array(list)]),
            ("schema_version", .int32(stateSchemaVersion)),
        ]
    }

    /// Matches the stored copy while it is this one.
    var filter: BSONDocument {
        ["_id": .string(pipeline), "epoch": .int64(epoch), "attempt": .int64(Int64(attempt))]
    }

    init?(_ document: BSONDocument) {
        guard let pipeline = document["_id"]?.asString, let epoch = document["epoch"]?.asInt64,
            let attempt = document["attempt"]?.asInt, let snapshot = document["snapshot"]?.asString,
            let list = document["digests"]?.asArray?.compactMap(\.asDocument)
        else { return nil }
        var digests: [Route: String] = [:]
        for entry in list {
            guard let route = Route(.document(entry)) else { return nil }
            digests[route] = entry["digest"]?.asString
        }
        self.init(pipeline: pipeline, epoch: epoch, attempt: attempt, snapshot: snapshot, digests: digests)
    }

    func id(of number: Int) -> BSONValue {
        [
            "pipeline": .string(pipeline), "epoch": .int64(epoch), "attempt": .int64(Int64(attempt)),
            "number": .int64(Int64(number)),
        ]
    }
}

extension CopyRange {
    /// `{_id: {pipeline, epoch, attempt, number}, table: {schema, table, collection}, leaf: null | {oid, schema, name}, first_page,
    /// end_page, estimated_rows, state: "waiting" | "claimed" | "done", by: {host, pid, session}, lease_until, rows, claims,
    /// schema_version}`. Pages that are null are open; `rows` are those that its latest holder has written.
    func bson(number: Int, of copy: SharedCopy) -> BSONDocument {
        return [
            "_id": copy.id(of: number), "table": route.bson,
            "leaf": leaf?.bson ?? .null, "first_page": firstPage.map { .int64(Int64($0)) } ?? .null,
            "end_page": endPage.map { .int64(Int64($0)) } ?? .null,
            "estimated_rows": .int64(Int64(estimatedRows)), "state": "waiting", "rows": .int64(0), "claims": .int64(0),
            "schema_version": .int32(stateSchemaVersion),
        ]
    }
}

extension RangeClaim {
    /// Matches the stored range for as long as it is the holder's.
    package var filter: BSONDocument {
        ["_id": copy.id(of: number), "state": "claimed", "by.session": .binary(subtype: 4, holder.bytes)]
    }

    init?(_ document: BSONDocument, in copy: SharedCopy, for holder: SessionID) {
        guard let number = document["_id"]?.asDocument?["number"]?.asInt,
            let route = Route(document["table"])
        else { return nil }
        self.init(
            copy: copy, number: number, route: route, leaf: document["leaf"]?.asDocument.flatMap { Partition($0) },
            firstPage: document["first_page"]?.asInt64.flatMap { UInt32(exactly: $0) },
            endPage: document["end_page"]?.asInt64.flatMap { UInt32(exactly: $0) },
            estimatedRows: document["estimated_rows"]?.asInt ?? 0, holder: holder,
            isAgain: document["claims"]?.asInt64 != 1)
    }
}

extension SharedTableProgress {
    init?(_ document: BSONDocument) {
        guard let route = Route(document["_id"]), let ranges = document["ranges"]?.asInt,
            let open = document["open"]?.asInt
        else { return nil }
        self.init(
            route: route, estimatedRows: document["estimated_rows"]?.asInt ?? 0, rows: document["rows"]?.asInt ?? 0,
            ranges: ranges, openRanges: open)
    }
}
