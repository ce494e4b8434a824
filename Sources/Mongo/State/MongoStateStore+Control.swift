import BSON
import Model

/// What operator and worker tell each other beside the pipeline's document: the sink's transactions write that one, and
/// would collide with anybody else.
extension MongoStateStore {
    package func limits(of pipeline: String) throws -> BackfillLimits {
        let document = try find(StateCollection.controls, ["_id": .string(pipeline)]).first
        return BackfillLimits(document ?? BSONDocument())
    }

    package func setLimits(
        _ changes: [BackfillLimits.Key: BackfillLimits.Bound?], of pipeline: String
    ) throws {
        guard !changes.isEmpty else { return }
        var (set, unset): ([(String, BSONValue)], [(String, BSONValue)]) = ([], [])
        // The key of the configuration is the path in the document: `backfill.max_lag`.
        for (key, bound) in changes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            if let bound { set.append((key.rawValue, bound.bson)) } else { unset.append((key.rawValue, "")) }
        }
        set.append(("schema_version", .int32(stateSchemaVersion)))
        var update: [(String, BSONValue)] = [("$set", .document(BSONDocument(set)))]
        if !unset.isEmpty { update.append(("$unset", .document(BSONDocument(unset)))) }
        try order(
            "writing what is set", of: pipeline,
            upsert(StateCollection.controls, pipeline, .document(BSONDocument(update))))
    }

    package func workerNote(of pipeline: String) throws -> WorkerNote? {
        try find(StateCollection.workers, ["_id": .string(pipeline)]).first.flatMap { WorkerNote($0) }
    }

    package func leave(_ note: WorkerNote, of pipeline: String) throws {
        let update: BSONValue = ["$set": .document(note.bson)]
        try during("writing what the worker waits for") {
            try connection.command(database, upsert(StateCollection.workers, pipeline, update))
        }
    }

    /// Removes both, of a pipeline that goes or comes.
    func removeControl(of pipeline: String, _ session: MongoSession) throws {
        for collection in [StateCollection.controls, StateCollection.workers] {
            try connection.command(
                database,
                ["delete": .string(collection), "deletes": [["q": ["_id": .string(pipeline)], "limit": 1]]],
                session: session)
        }
    }

    /// The command that does it.
    private func upsert(_ collection: String, _ id: String, _ update: BSONValue) -> BSONDocument {
        ["update": .string(collection), "updates": [["q": ["_id": .string(id)], "u": update, "upsert": true]]]
    }
}

extension BackfillLimits.Bound {
    /// A number in the key's unit; null for no limit.
    fileprivate var bson: BSONValue { value.map { .int64(Int64($0)) } ?? .null }
}

extension BackfillLimits {
    /// `{backfill: {max_lag: 30000, max_rows_per_second: null}}`
    fileprivate init(_ document: BSONDocument) {
        self.init()
        for key in Key.allCases {
            let names = key.rawValue.split(separator: ".").map(String.init)
            var value: BSONValue? = .document(document)
            for name in names { value = value?.asDocument?[name] }
            switch value {
            case nil: break
            case .null?: bounds[key] = .unlimited
            case let number?: bounds[key] = number.asInt.flatMap { $0 > 0 ? .at($0) : nil }
            }
        }
    }
}

extension WorkerNote {
    /// `{epoch, waiting: null | {reason, since}}`
    fileprivate var bson: BSONDocument {
        [
            "schema_version": .int32(stateSchemaVersion), "epoch": .int64(epoch),
            "waiting": waiting.map { ["reason": .string($0.reason), "since": .time($0.since)] } ?? .null,
        ]
    }

    fileprivate init?(_ document: BSONDocument) {
        guard let epoch = document["epoch"]?.asInt64 else { return nil }
        let waiting = document["waiting"]?.asDocument.flatMap { waiting -> Waiting? in
            guard let reason = waiting["reason"]?.asString, let since = waiting["since"]?.asTime else { return nil }
            return Waiting(reason: reason, since: since)
        }
        self.init(epoch: epoch, waiting: waiting)
    }
}
