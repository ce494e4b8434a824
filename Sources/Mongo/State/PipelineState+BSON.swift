import BSON
import Model

extension PipelineState {
    var bson: BSONDocument {
        var fields: [(String, BSONValue)] = [
            ("_id", .string(pipeline)), ("schema_version", .int32(stateSchemaVersion)),
        ]
        fields += savedFields
        fields += [
            ("epoch", .int64(epoch)),
            ("sessions", sessionList(sessions)),
            ("worker", worker.bson),
            ("last_error", lastError?.bson ?? .null),
        ]
        return BSONDocument(fields)
    }

    /// What `StateStore.save` writes while there is no checkpoint yet.
    var savedFields: [(String, BSONValue)] {
        keptFields + [
            ("checkpoint", checkpoint?.bson ?? .null),
            ("statistics", ["split_transactions": .int64(statistics.splitTransactions)]),
        ]
    }

    /// What it writes afterwards: checkpoint and statistics are the sink's then, and may be newer than these.
    var keptFields: [(String, BSONValue)] {
        [
            ("stage", .string(stage.rawValue)),
            ("stage_since", .time(stageSince)),
            ("source", source.bson(slot: slot, publication: publication, plugin: plugin)),
            ("target_database", .string(targetDatabase)),
            ("copy_attempt", .int32(Int32(clamping: copyAttempt))),
            ("picks_tables", .bool(picksTables)), ("has_collections", .bool(hasCollections)),
        ]
    }

    init(_ document: BSONDocument) throws {
        let name = document["_id"]?.asString ?? "?"
        if let version = document["schema_version"]?.asInt64, version > Int64(stateSchemaVersion) {
            throw Failure(
                .configuration,
                "the state of pipeline \(name) was written by a newer Wherry (schema version \(version))",
                hint: "Run that version; this one can't read it safely.")
        }
        guard let stage = document["stage"]?.asString.flatMap({ Stage(rawValue: $0) }),
            let source = document["source"]?.asDocument,
            let identity = SourceIdentity(source),
            let slot = source["slot"]?.asString, let publication = source["publication"]?.asString,
            let database = document["target_database"]?.asString,
            let epoch = document["epoch"]?.asInt64
        else {
            throw Failure(
                .unexpected, "the state document of pipeline \(name) can't be read",
                hint: "Something else has written into the collection pipelines of the state database.")
        }
        self.init(
            pipeline: name, stage: stage,
            stageSince: document["stage_since"]?.asTime ?? SourceTime(microseconds: 0),
            source: identity, slot: slot, publication: publication, targetDatabase: database, epoch: epoch,
            sessions: (document["sessions"]?.asArray ?? []).compactMap(\.asBinary).map { SessionID(bytes: $0) },
            checkpoint: document["checkpoint"]?.asDocument.flatMap { Checkpoint($0) },
            copyAttempt: document["copy_attempt"]?.asInt ?? 1,
            worker: WorkerIdentity(document["worker"]?.asDocument ?? BSONDocument()),
            lastError: document["last_error"]?.asDocument.flatMap { LastError($0) },
            statistics: Statistics(
                splitTransactions: document["statistics"]?.asDocument?["split_transactions"]?.asInt64 ?? 0))
        // Before there were two it was not noted.
        if let name = source["plugin"]?.asString {
            guard let plugin = OutputPlugin(rawValue: name) else {
                throw Failure(
                    .configuration, "pipeline \(pipeline) was started with the output plugin \(name), which is unknown",
                    hint: "Run the version of Wherry that made it; this one can't go on with it.")
            }
            self.plugin = plugin
        }
        picksTables = document["picks_tables"]?.asBool ?? false
        hasCollections = document["has_collections"]?.asBool ?? false
    }
}

extension SourceIdentity {
    func bson(slot: String, publication: String, plugin: OutputPlugin) -> BSONValue {
        [
            "system_identifier": .string(systemIdentifier), "timeline": .int32(Int32(clamping: timeline)),
            "database": .string(database), "server_version": .int32(Int32(clamping: serverVersion)),
            "slot": .string(slot), "publication": .string(publication), "plugin": .string(plugin.rawValue),
        ]
    }

    init?(_ document: BSONDocument) {
        guard let system = document["system_identifier"]?.asString, let database = document["database"]?.asString
        else { return nil }
        self.init(
            systemIdentifier: system, timeline: document["timeline"]?.asInt ?? 0, database: database,
            serverVersion: document["server_version"]?.asInt ?? 0)
    }
}

extension WorkerIdentity {
    var bson: BSONValue {
        ["host": .string(host), "pid": .int64(Int64(pid)), "started_at": .time(startedAt)]
    }

    init(_ document: BSONDocument) {
        self.init(
            host: document["host"]?.asString ?? "", pid: document["pid"]?.asInt ?? 0,
            startedAt: document["started_at"]?.asTime ?? SourceTime(microseconds: 0))
    }
}

extension LastError {
    var bson: BSONValue {
        [
            "kind": .string(failure.kind.rawValue), "message": .string(failure.message),
            "hint": failure.hint.map { .string($0) } ?? .null, "at": .time(at),
        ]
    }

    init?(_ document: BSONDocument) {
        guard let message = document["message"]?.asString, let at = document["at"]?.asTime else { return nil }
        let kind = document["kind"]?.asString.flatMap { Failure.Kind(rawValue: $0) } ?? .unexpected
        self.init(failure: Failure(kind, message, hint: document["hint"]?.asString), at: at)
    }
}

extension TableState {
    func id(in pipeline: String) -> BSONValue { TableState.id(of: route, in: pipeline) }

    static func id(of route: Route, in pipeline: String) -> BSONValue {
        .document(BSONDocument([("pipeline", .string(pipeline))] + route.fields))
    }

    /// Without the backfill, which is written apart.
    func bson(in pipeline: String) -> BSONDocument {
        var fields: [(String, BSONValue)] = [
            ("_id", id(in: pipeline)), ("schema_version", .int32(stateSchemaVersion)),
            ("collection", .string(collection)), ("key", .array(keyColumns.map { .string($0) })),
            ("key_forms", .array(keyForms.map { .string($0) })),
            ("mapping", .string(mapping)), ("was_empty", .bool(wasEmpty)), ("copy", progress),
            ("covered_to", .string(coveredTo.description)),
        ]
        if let discriminator {
            fields.append(
                ("discriminator", ["field": .string(discriminator.field), "value": .string(discriminator.value)]))
        }
        if let shape { fields.append(("shape", shape.bson)) }
        if let membership = membership.text { fields.append(("membership", .string(membership))) }
        if let wanted { fields.append(("wanted", wanted.bson)) }
        if let rowFilter { fields.append(("row_filter", .string(rowFilter))) }
        if acceptsChange { fields.append(("accepts_schema_change", true)) }
        return BSONDocument(fields)
    }

    var progress: BSONValue {
        [
            "stage": .string(copyStage.rawValue), "estimated_rows": .int64(Int64(estimatedRows)),
            "copied_rows": .int64(Int64(copiedRows)),
        ]
    }

    init?(_ document: BSONDocument) {
        guard let route = Route(document["_id"]), let collection = document["collection"]?.asString,
            let key = document["key"]?.asArray, let wasEmpty = document["was_empty"]?.asBool
        else { return nil }
        let copy = document["copy"]?.asDocument ?? BSONDocument()
        let backfill = document["backfill"]?.asDocument.flatMap { BackfillState($0, of: route) }
        self.init(
            table: route.table, collection: collection, isFurther: route.collection != nil,
            discriminator: document["discriminator"]?.asDocument.flatMap { Discriminator($0) },
            keyColumns: key.compactMap(\.asString),
            keyForms: (document["key_forms"]?.asArray ?? []).compactMap(\.asString),
            mapping: document["mapping"]?.asString ?? "", wasEmpty: wasEmpty,
            copyStage: copy["stage"]?.asString.flatMap { CopyStage(rawValue: $0) } ?? .waiting,
            estimatedRows: copy["estimated_rows"]?.asInt ?? 0, copiedRows: copy["copied_rows"]?.asInt ?? 0,
            backfill: backfill)
        wanted = document["wanted"]?.asDocument.flatMap { BackfillRequest($0) }
        refusal = document["refusal"]?.asString.map { message in
            let kind = document["refusal_kind"]?.asString.flatMap { Failure.Kind(rawValue: $0) }
            // Before kinds were noted only conditions failed.
            return Failure(kind ?? .usage, message)
        }
        shape = document["shape"]?.asDocument.flatMap { TableShape($0) }
        coveredTo = document["covered_to"]?.asLSN ?? .zero
        membership = TableMembership(document["membership"]?.asString)
        rowFilter = document["row_filter"]?.asString
        acceptsChange = document["accepts_schema_change"]?.asBool ?? false
        guard let backfill else { return }
        copyStage = backfill.isFinished ? .finished : .copying
        copiedRows = backfill.rows
    }
}

extension Route {
    /// `{schema, table}`, with `collection` behind them where it isn't the table's first.
    var fields: [(String, BSONValue)] {
        [("schema", .string(table.schema)), ("table", .string(table.name))]
            + (collection.map { [("collection", .string($0))] } ?? [])
    }

    var bson: BSONValue { .document(BSONDocument(fields)) }

    init?(_ value: BSONValue?) {
        guard let document = value?.asDocument, let schema = document["schema"]?.asString,
            let name = document["table"]?.asString
        else { return nil }
        self.init(TableName(schema: schema, name: name), into: document["collection"]?.asString)
    }
}

extension Discriminator {
    /// From `{field, value}`.
    fileprivate init?(_ document: BSONDocument) {
        guard let field = document["field"]?.asString, let value = document["value"]?.asString else { return nil }
        self.init(field: field, value: value)
    }
}
