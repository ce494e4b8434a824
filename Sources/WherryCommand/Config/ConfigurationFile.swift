/// `wherry.yaml`, exactly as written: nothing is checked yet beyond the shape. Each key is documented here and, for
/// operators, in docs/configuration.md; a test keeps the two lists equal. A key whose feature does not exist yet is an
/// unknown key.
struct ConfigurationFile: Decodable, Sendable, Equatable {
    /// The pipeline's name, `[a-z][a-z0-9_]{0,39}`. Default: the name of the target database.
    var pipeline: String?
    /// Where rows come from.
    var source: Source?
    /// Where documents go.
    var target: Target?
    /// The initial copy.
    var backfill: Backfill?
    /// How changes are written.
    var apply: Apply?
    /// What holds for every collection that doesn't say otherwise.
    var defaults: ConfiguredDefaults?
    /// The salt of `mask: sha256`, at least 16 characters: `${WHERRY_MASK_SALT}`.
    var maskSalt: String?
    /// What becomes of changed columns and new tables: `follow`, `pause` or `fail`. Default: follow.
    var schemaChanges: String?
    /// The tables to replicate, by the collection each becomes, in the place of schemas and exclusions. Default: every
    /// table of the schemas.
    var collections: [String: ConfiguredCollection]?

    struct Source: Decodable, Sendable, Equatable {
        /// PostgreSQL's address, `postgres://…`.
        var uri: String?
        /// The schemas whose tables are replicated. Default: `[public]`.
        var schemas: [String]?
        /// Tables to leave out, as `schema.table`.
        var exclude: [String]?
        /// The output plugin of the slot: `pgoutput` or `wal2json`. Default: `pgoutput`.
        var plugin: String?
        /// The replication slot. Default: `wherry_<pipeline>`.
        var slot: String?
        /// The publication. Default: `wherry_<pipeline>`.
        var publication: String?
        /// Whether the publication leaves out the rows that `where` doesn't take, where it can. Default: false.
        var rowFilters: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case uri, schemas, exclude, plugin, slot, publication
            case rowFilters = "row_filters"
        }
    }

    struct Target: Decodable, Sendable, Equatable {
        /// MongoDB's address with the database of the documents, `mongodb://…/shop`.
        var uri: String?
        /// The database of Wherry's own state. Default: `wherry`.
        var stateDatabase: String?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case uri
            case stateDatabase = "state_database"
        }
    }

    struct Backfill: Decodable, Sendable, Equatable {
        /// `live`: beside the stream. `exported`: from the snapshot that the slot exports. `none`. Default: `live`.
        var mode: String?
        /// Connections that read, and as many that write when the mode is `exported`. Default: 2.
        var workers: Int?
        /// At most so many rows in one chunk of a live backfill. Default: 20000.
        var maxChunkRows: Int?
        /// At most so many rows read in a second, or `none`. Default: none.
        var maxRowsPerSecond: String?
        /// A live backfill pauses while the stream is farther behind, as `90s`, or `none`. Default: 60s.
        var maxLag: String?
        /// A live backfill pauses while the slot holds more WAL, as `10GB`, or `none`. Default: half of the server's
        /// limit.
        var maxHeldWAL: String?
        /// A live backfill pauses while a physical standby is farther behind, as `30s`, or `none`. Default: none.
        var maxReplicaLag: String?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case mode, workers
            case maxChunkRows = "max_chunk_rows"
            case maxRowsPerSecond = "max_rows_per_second"
            case maxLag = "max_lag"
            case maxHeldWAL = "max_held_wal"
            case maxReplicaLag = "max_replica_lag"
        }
    }

    struct Apply: Decodable, Sendable, Equatable {
        /// At most so many writes in one MongoDB transaction. Default: 5000.
        var maxBatchOperations: Int?
        /// At most so many bytes in one MongoDB transaction, as `16MiB` or a number. Default: 4 MiB.
        var maxBatchBytes: String?
        var onRefused: String?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case maxBatchOperations = "max_batch_operations"
            case maxBatchBytes = "max_batch_bytes"
            case onRefused = "on_refused"
        }
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case pipeline, source, target, backfill, apply, defaults, collections
        case maskSalt = "mask_salt"
        case schemaChanges = "schema_changes"
    }
}

/// The keys a mapping of the file may have, made from the coding keys, so that there is one list.
indirect enum KnownKeys: Sendable {
    /// A value or a list of values.
    case value
    case mapping([String: KnownKeys])
    /// A mapping whose keys are names of the operator's own.
    case named(KnownKeys)

    static let file = KnownKeys.mapping(
        leaves(ConfigurationFile.CodingKeys.self).merging([
            "source": .mapping(leaves(ConfigurationFile.Source.CodingKeys.self)),
            "target": .mapping(leaves(ConfigurationFile.Target.CodingKeys.self)),
            "backfill": .mapping(leaves(ConfigurationFile.Backfill.CodingKeys.self)),
            "apply": .mapping(leaves(ConfigurationFile.Apply.CodingKeys.self)),
            "defaults": .mapping(leaves(ConfiguredDefaults.CodingKeys.self)),
            "collections": .named(collection),
        ]) { $1 })

    private static let collection = KnownKeys.mapping(
        leaves(ConfiguredCollection.CodingKeys.self).merging(["indexes": .named(index)]) { $1 })

    private static let index = KnownKeys.mapping(
        leaves(ConfiguredIndex.CodingKeys.self).merging([
            "collation": .mapping(leaves(ConfiguredIndex.Collation.CodingKeys.self))
        ]) { $1 })

    /// Full paths of all values, sorted: `apply.max_batch_bytes`, `collections.NAME.from`.
    var paths: [String] {
        switch self {
        case .value: []
        case .named(let below): below.paths.map { "NAME.\($0)" }
        case .mapping(let keys):
            keys.flatMap { key, below in
                if case .value = below { [key] } else { below.paths.map { "\(key).\($0)" } }
            }.sorted()
        }
    }

    private static func leaves<Key: CodingKey & CaseIterable>(_: Key.Type) -> [String: KnownKeys] {
        Dictionary(uniqueKeysWithValues: Key.allCases.map { ($0.stringValue, .value) })
    }
}
