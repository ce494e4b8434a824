import Model
import Replication

/// Makes `Settings` of the layers: merges, fills in defaults, checks. Pure; every error is a `Failure` of kind
/// `.configuration` that says where the value was given.
struct SettingsResolver: Sendable {
    private let layer: SettingsLayer

    /// `layers` from the strongest to the weakest.
    init(_ layers: [SettingsLayer]) {
        layer = layers.reduce(SettingsLayer()) { $0.over($1) }
    }

    func endpoints() throws -> Endpoints {
        let source = try sourceURI()
        let target = try targetURI()
        return Endpoints(source: source, target: target, stateDatabase: try stateDatabase(besides: target))
    }

    /// The source alone, and the choice of its tables: what a draft is made of.
    func draftSource() throws -> DraftSource {
        DraftSource(uri: try sourceURI(), schemas: try schemas(), excluded: try layer.exclude.map(names) ?? [])
    }

    func settings() throws -> Settings {
        let endpoints = try endpoints()
        let pipeline = try pipeline(target: endpoints.target)
        return try settings(endpoints, pipeline: pipeline, isNamedHere: true)
    }

    /// For a pipeline named on the command line (`wherry drop NAME`). Slot and publication of the file belong to the
    /// file's pipeline only; another one has the default names.
    func settings(pipeline name: String) throws -> Settings {
        try NameRules.checkPipeline(name, what: "the pipeline")
        let endpoints = try endpoints()
        let own = layer.pipeline?.value ?? endpoints.target.database
        return try settings(endpoints, pipeline: name, isNamedHere: own == name)
    }

    private func settings(_ endpoints: Endpoints, pipeline: String, isNamedHere: Bool) throws -> Settings {
        let mappings = MappingResolver(
            defaults: layer.defaults?.value ?? ConfiguredDefaults(), salt: layer.maskSalt,
            file: layer.defaults?.origin ?? layer.collections?.origin ?? "")
        let collections = try isNamedHere ? CollectionResolver(layer.collections, mappings: mappings)?.settings() : nil
        let tables = try namedTables(among: collections)
        return Settings(
            pipeline: pipeline,
            source: Settings.Source(
                uri: endpoints.source, schemas: try tables.map { Set($0.map(\.schema)).sorted() } ?? schemas(),
                excluded: try tables == nil ? layer.exclude.map(names) ?? [] : [], tables: tables,
                picksTables: layer.tables != nil, collections: collections, mapping: try mappings.standard(),
                plugin: try choice(layer.plugin, default: .pgoutput),
                slot: try isNamedHere ? slot(of: pipeline) : Settings.defaultSlot(of: pipeline),
                publication: try isNamedHere ? publication(of: pipeline) : Settings.defaultSlot(of: pipeline),
                rowFilters: layer.rowFilters?.value ?? false),
            target: Settings.Target(uri: endpoints.target, stateDatabase: endpoints.stateDatabase),
            backfill: Settings.Backfill(
                mode: try choice(layer.backfillMode, default: .live),
                workers: try number(layer.workers, in: 1...64, default: 2),
                maxChunkRows: try number(layer.maxChunkRows, in: 1...100_000, default: 20_000),
                limits: try limits()),
            apply: Settings.Apply(
                maxBatchOperations: try number(layer.maxBatchOperations, in: 1...100_000, default: 5000),
                maxBatchBytes: try batchBytes(), onRefused: try choice(layer.onRefused, default: .fail)),
            schemaChanges: try choice(layer.schemaChanges, default: .follow))
    }

    private func sourceURI() throws -> SourceURI {
        guard let given = layer.source else {
            throw Failure(
                .configuration, "no source is given",
                hint: "Set WHERRY_SOURCE, --source or source.uri to PostgreSQL's address: "
                    + "postgres://user@host:5432/database.")
        }
        return try SourceURI(given.value)
    }

    private func targetURI() throws -> TargetURI {
        guard let given = layer.target else {
            throw Failure(
                .configuration, "no target is given",
                hint: "Set WHERRY_TARGET, --target or target.uri to MongoDB's address: mongodb://host:27017/database.")
        }
        return try TargetURI(given.value)
    }

    private func stateDatabase(besides target: TargetURI) throws -> String {
        guard let given = layer.stateDatabase else {
            guard target.database != "wherry" else { throw sharedDatabase("wherry", "the default state database") }
            return "wherry"
        }
        try NameRules.checkDatabase(given.value, what: given.origin)
        guard given.value != target.database else { throw sharedDatabase(given.value, given.origin) }
        return given.value
    }

    private func sharedDatabase(_ name: String, _ origin: String) -> Failure {
        Failure(
            .configuration, "'\(name)' (\(origin)) is the target's database too",
            hint: "Wherry keeps its state apart from the documents: choose another one with --state-database.")
    }

    private func pipeline(target: TargetURI) throws -> String {
        guard let given = layer.pipeline else {
            try NameRules.checkPipeline(
                target.database, what: "the pipeline's default name, the target database,",
                hint: "Name the pipeline with --pipeline, WHERRY_PIPELINE or 'pipeline': a letter, then at most 39 of "
                    + "a-z, 0-9 and _.")
            return target.database
        }
        try NameRules.checkPipeline(given.value, what: given.origin)
        return given.value
    }

    private func schemas() throws -> [String] {
        guard let given = layer.schemas else { return ["public"] }
        guard !given.value.isEmpty else {
            throw Failure(
                .configuration, "\(given.origin) names no schema", hint: "Leave it out for the schema public.")
        }
        for (index, schema) in given.value.enumerated() {
            try NameRules.checkIdentifier(schema, what: "\(given.origin) [\(index)]")
            guard !schema.hasPrefix("pg_"), schema != "information_schema" else {
                throw Failure(
                    .configuration, "\(given.origin) names '\(schema)', a schema of PostgreSQL itself",
                    hint: "Only schemas with tables of your own can be replicated.")
            }
        }
        var seen: Set<String> = []
        return given.value.filter { seen.insert($0).inserted }
    }

    /// The tables of `--tables`, or else those of the file; nil when nobody names any.
    private func namedTables(among collections: [TableName: [CollectionSettings]]?) throws -> Set<TableName>? {
        guard let given = layer.tables else { return collections.map { Set($0.keys) } }
        let picked = try names(given)
        guard let collections, let stranger = picked.subtracting(collections.keys).min() else { return picked }
        throw Failure(
            .configuration,
            "\(given.origin) names \(stranger), which 'collections' in \(layer.collections?.origin ?? "") doesn't",
            hint: "Add it there, as 'from' of a collection, or leave it out.")
    }

    private func names(_ given: Given<[String]>) throws -> Set<TableName> {
        Set(
            try given.value.map { text in
                guard let name = TableNameText.parse(text) else {
                    throw Failure(
                        .configuration, "\(given.origin) has '\(text)', which is no schema.table",
                        hint: "Write public.audit, or \"my.schema\".\"my.table\" where a name holds a dot.")
                }
                return name
            })
    }

    private func slot(of pipeline: String) throws -> String {
        guard let given = layer.slot else { return Settings.defaultSlot(of: pipeline) }
        try NameRules.checkSlot(given.value, what: given.origin)
        return given.value
    }

    private func publication(of pipeline: String) throws -> String {
        guard let given = layer.publication else { return Settings.defaultSlot(of: pipeline) }
        try NameRules.checkIdentifier(given.value, what: given.origin)
        return given.value
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(
        _ given: Given<String>?, default: Choice
    ) throws -> Choice where Choice.RawValue == String {
        guard let given else { return `default` }
        guard let choice = Choice(rawValue: given.value) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(
                .configuration, "\(given.origin) is '\(given.value)'", hint: "This version knows: \(words).")
        }
        return choice
    }

    private func number(_ given: Given<Int>?, in range: ClosedRange<Int>, default: Int) throws -> Int {
        guard let given else { return `default` }
        guard range.contains(given.value) else {
            throw Failure(
                .configuration, "\(given.origin) is \(given.value)",
                hint: "It must be between \(range.lowerBound) and \(range.upperBound).")
        }
        return given.value
    }

    private func limits() throws -> BackfillLimits {
        var given = BackfillLimits()
        for (key, text) in layer.limits {
            guard let bound = key.bound(text.value) else {
                throw Failure(.configuration, "\(text.origin) is '\(text.value)'", hint: "It must be \(key.form).")
            }
            given.bounds[key] = bound
        }
        return given.over(.standard)
    }

    private func batchBytes() throws -> Int {
        guard let given = layer.maxBatchBytes else { return 4 << 20 }
        guard let bytes = ByteSize.parse(given.value), (64 << 10...256 << 20).contains(bytes) else {
            throw Failure(
                .configuration, "\(given.origin) is '\(given.value)'",
                hint: "It must be a size between 64 KiB and 256 MiB, like 16MiB or 16777216.")
        }
        return bytes
    }
}
