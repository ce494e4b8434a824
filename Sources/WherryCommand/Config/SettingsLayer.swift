import Model

/// A value and where it was given (`--pipeline`, `WHERRY_PIPELINE`, `'pipeline' in wherry.yaml`), for messages.
struct Given<Value: Sendable>: Sendable {
    let value: Value
    let origin: String
}

extension Given: Equatable where Value: Equatable {}

/// What one place says about the settings: the command line, the environment or the file. nil is "nothing".
struct SettingsLayer: Sendable {
    var source: Given<String>?
    var target: Given<String>?
    var pipeline: Given<String>?
    var stateDatabase: Given<String>?
    var schemas: Given<[String]>?
    var exclude: Given<[String]>?
    var tables: Given<[String]>?
    var plugin: Given<String>?
    var slot: Given<String>?
    var publication: Given<String>?
    var rowFilters: Given<Bool>?
    var backfillMode: Given<String>?
    var workers: Given<Int>?
    var maxChunkRows: Given<Int>?
    var limits: [BackfillLimits.Key: Given<String>] = [:]
    var schemaChanges: Given<String>?
    var maxBatchOperations: Given<Int>?
    var maxBatchBytes: Given<String>?
    var onRefused: Given<String>?
    /// By collection; the origin is the file's name.
    var collections: Given<[String: ConfiguredCollection]>?
    var defaults: Given<ConfiguredDefaults>?
    var maskSalt: Given<String>?

    init() {}

    /// - Throws: `Failure` of kind `.configuration` when a number is none.
    init(environment: [String: String]) throws {
        func text(_ variable: EnvironmentVariable) -> Given<String>? {
            variable.value(in: environment).map { Given(value: $0, origin: variable.rawValue) }
        }
        func list(_ variable: EnvironmentVariable) -> Given<[String]>? {
            variable.list(in: environment).map { Given(value: $0, origin: variable.rawValue) }
        }
        source = text(.source)
        target = text(.target)
        pipeline = text(.pipeline)
        stateDatabase = text(.stateDatabase)
        schemas = list(.schemas)
        exclude = list(.exclude)
        plugin = text(.plugin)
        if let given = text(.workers) {
            guard let number = Int(given.value) else {
                throw Failure(
                    .configuration, "\(given.origin) is '\(given.value)'", hint: "It must be a whole number.")
            }
            workers = Given(value: number, origin: given.origin)
        }
    }

    init(file: ConfigurationFile, name: String) {
        func given<Value>(_ value: Value?, _ path: String) -> Given<Value>? {
            value.map { Given(value: $0, origin: "'\(path)' in \(name)") }
        }
        pipeline = given(file.pipeline, "pipeline")
        source = given(file.source?.uri, "source.uri")
        schemas = given(file.source?.schemas, "source.schemas")
        exclude = given(file.source?.exclude, "source.exclude")
        plugin = given(file.source?.plugin, "source.plugin")
        slot = given(file.source?.slot, "source.slot")
        publication = given(file.source?.publication, "source.publication")
        rowFilters = given(file.source?.rowFilters, "source.row_filters")
        target = given(file.target?.uri, "target.uri")
        stateDatabase = given(file.target?.stateDatabase, "target.state_database")
        backfillMode = given(file.backfill?.mode, "backfill.mode")
        workers = given(file.backfill?.workers, "backfill.workers")
        maxChunkRows = given(file.backfill?.maxChunkRows, "backfill.max_chunk_rows")
        let texts: [(BackfillLimits.Key, String?)] = [
            (.rowsPerSecond, file.backfill?.maxRowsPerSecond), (.lag, file.backfill?.maxLag),
            (.heldWAL, file.backfill?.maxHeldWAL), (.replicaLag, file.backfill?.maxReplicaLag),
        ]
        schemaChanges = given(file.schemaChanges, "schema_changes")
        for (key, text) in texts { limits[key] = given(text, key.rawValue) }
        maxBatchOperations = given(file.apply?.maxBatchOperations, "apply.max_batch_operations")
        maxBatchBytes = given(file.apply?.maxBatchBytes, "apply.max_batch_bytes")
        onRefused = given(file.apply?.onRefused, "apply.on_refused")
        collections = file.collections.map { Given(value: $0, origin: name) }
        defaults = file.defaults.map { Given(value: $0, origin: name) }
        maskSalt = given(file.maskSalt, "mask_salt")
    }

    /// This layer, and the one below where this one says nothing. Lists are replaced, not joined.
    func over(_ below: SettingsLayer) -> SettingsLayer {
        var result = SettingsLayer()
        result.source = source ?? below.source
        result.target = target ?? below.target
        result.pipeline = pipeline ?? below.pipeline
        result.stateDatabase = stateDatabase ?? below.stateDatabase
        result.schemas = schemas ?? below.schemas
        result.exclude = exclude ?? below.exclude
        result.tables = tables ?? below.tables
        result.plugin = plugin ?? below.plugin
        result.slot = slot ?? below.slot
        result.publication = publication ?? below.publication
        result.rowFilters = rowFilters ?? below.rowFilters
        result.backfillMode = backfillMode ?? below.backfillMode
        result.workers = workers ?? below.workers
        result.maxChunkRows = maxChunkRows ?? below.maxChunkRows
        result.limits = limits.merging(below.limits) { own, _ in own }
        result.schemaChanges = schemaChanges ?? below.schemaChanges
        result.maxBatchOperations = maxBatchOperations ?? below.maxBatchOperations
        result.maxBatchBytes = maxBatchBytes ?? below.maxBatchBytes
        result.onRefused = onRefused ?? below.onRefused
        result.collections = collections ?? below.collections
        result.defaults = defaults ?? below.defaults
        result.maskSalt = maskSalt ?? below.maskSalt
        return result
    }
}
