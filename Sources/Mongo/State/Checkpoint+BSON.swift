import BSON
import Model

extension Checkpoint {
    /// `{lsn, commit_time, open: null | {xid, commit_lsn, own_changes}, fence: {floor, ids}}`, the last one only while there
    /// is one. The count that takes in changes of other tables was called `applied_changes`.
    var bson: BSONValue {
        var fields: [(String, BSONValue)] = [
            ("lsn", .string(lsn.description)), ("commit_time", .time(commitTime)), ("open", openBSON),
        ]
        if let fence {
            let ids = fence.ids.map { BSONValue.int64(Int64(bitPattern: $0)) }
            fields.append(("fence", ["floor": .int64(Int64(bitPattern: fence.floor)), "ids": .array(ids)]))
        }
        return .document(BSONDocument(fields))
    }

    private var openBSON: BSONValue {
        guard let open else { return .null }
        return [
            "xid": .int64(Int64(open.xid)), "commit_lsn": .string(open.commitLSN.description),
            open.countsStrangers ? "applied_changes" : "own_changes": .int64(Int64(open.appliedChanges)),
        ]
    }

    init?(_ document: BSONDocument) {
        guard let lsn = document["lsn"]?.asLSN else { return nil }
        self.init(lsn: lsn, commitTime: document["commit_time"]?.asTime)
        if let fence = document["fence"]?.asDocument {
            self.fence = VisibilityFence(
                floor: UInt64(bitPattern: fence["floor"]?.asInt64 ?? 0),
                ids: (fence["ids"]?.asArray ?? []).compactMap { $0.asInt64.map { UInt64(bitPattern: $0) } })
        }
        guard let open = document["open"]?.asDocument else { return }
        guard let xid = open["xid"]?.asInt64.flatMap({ UInt32(exactly: $0) }),
            let commitLSN = open["commit_lsn"]?.asLSN,
            let applied = (open["own_changes"] ?? open["applied_changes"])?.asInt
        else { return nil }
        self.open = OpenTransaction(xid: xid, commitLSN: commitLSN, appliedChanges: applied)
        self.open?.countsStrangers = open["own_changes"] == nil
    }

    /// Matches a pipeline whose stored checkpoint is this one.
    var filter: [(String, BSONValue)] {
        [("checkpoint.lsn", .string(lsn.description)), ("checkpoint.open", openBSON)]
    }

    /// Whether it is the same position (the time is for people only).
    func isSamePosition(as other: Checkpoint) -> Bool { lsn == other.lsn && open == other.open }
}
