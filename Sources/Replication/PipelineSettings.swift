import Model

/// What a run of a pipeline is told by its configuration.
package struct PipelineSettings: Sendable {
    /// When a run ends by itself.
    package enum End: Hashable, Sendable {
        /// Only when stopped.
        case never
        /// Once everything committed before the stream began is applied.
        case caughtUp
        case position(LSN)
    }

    package var pipeline: String
    package var slot: String
    package var publication: String
    package var plugin = OutputPlugin.pgoutput
    package var targetDatabase: String
    /// Without one the pipeline is a copy and nothing more: no publication, and no state once it is whole.
    package var usesSlot = true
    /// The tables asked for by name on the command line; nil when the configuration chooses them. Must be the stored
    /// ones at a later start.
    package var tables: Set<TableName>?
    /// What the configuration says of single tables, in the place of any other choice of tables; nil when it names
    /// none.
    package var collections: [TableName: [CollectionSettings]]?
    /// What becomes of the rows of tables that it doesn't name.
    package var mapping = CollectionMapping()
    /// The mapping of a table may be another one than it was: then it is read again.
    package var acceptsMappingChange = false
    /// Collections that hold documents already are overwritten by key.
    package var adopt = false
    /// The schemas whose tables are chosen, where neither `tables` nor `collections` names them.
    package var schemas: [String] = []
    package var excluded: Set<TableName> = []
    package var schemaChanges = SchemaChangePolicy.follow
    /// The publication filters rows where it can.
    package var rowFilters = false
    /// Readers of the initial copy; writers too where it doesn't go through the stream.
    package var copyWorkers = 2
    /// How a new pipeline gets the rows that are there.
    package var backfillMode = BackfillMode.exported
    /// Most rows of one chunk of a live backfill.
    package var maxChunkRows = 20_000
    /// What filling the pipeline may cost; what the store has set stands over it.
    package var backfillLimits = BackfillLimits.standard
    /// What a live backfill may remember of the stream, in bytes.
    package var touchLogBytes = 20 << 20
    package var limits = BatchLimits()
    /// What becomes of rows and changes that can't be written.
    package var onRefused = RefusalPolicy.fail
    package var end = End.never
    /// Ends once every row is there: with the initial copy, without a stream, unless rows are still to be read beside
    /// it.
    package var endsWithCopy = false
    /// Changes that are missing at the start are made up for by reading every table again.
    package var acceptsGap = false
    package var worker: WorkerIdentity
    package var heartbeatInterval = Duration.seconds(10)
    package var slotCreationTimeout = Duration.seconds(300)
    package var takeOverWait = Duration.seconds(10)
    /// How long a joiner goes on without hearing of the leader of its copy.
    package var silentLeaderPatience = Duration.seconds(30)
    /// How long a program that joins a copy waits for one to begin.
    package var joinWait = Duration.seconds(600)
    /// Wherry's own: programs of different versions may make different documents.
    package var version = ""

    package init(
        pipeline: String, slot: String, publication: String, targetDatabase: String, worker: WorkerIdentity
    ) {
        self.pipeline = pipeline
        self.slot = slot
        self.publication = publication
        self.targetDatabase = targetDatabase
        self.worker = worker
    }
}

extension PipelineSettings {
    package var rules: MappingRules { MappingRules(named: collections ?? [:], standard: mapping) }

    /// Whether the configuration goes on with a table that the pipeline has.
    ///
    /// - Parameter isPicked: whether tables were chosen by name at the first start, in the place of schemas.
    func keeps(_ table: TableName, isPicked: Bool) -> Bool {
        if let collections { return collections[table] != nil }
        return isPicked || schemas.isEmpty || schemas.contains(table.schema) && !excluded.contains(table)
    }

    /// Whether it goes on with a table's collection.
    func keeps(_ table: TableState, isPicked: Bool) -> Bool {
        keeps(table.table, isPicked: isPicked) && (collections == nil || rules.settings(of: table) != nil)
    }

    var refusals: RefusalPolicies { RefusalPolicies(standard: onRefused) }

    /// Those of a copy from an exported snapshot, which holds nothing back itself: its rows are read again beside the
    /// stream. nil where that can't be.
    func copyRefusals(of source: SourceIdentity) -> RefusalPolicies? {
        usesSlot && BackfillPlanner.hasMessages(source) ? refusals : nil
    }
}

/// How a new pipeline gets the rows that are there.
package enum BackfillMode: String, CaseIterable, Sendable {
    /// Beside the stream, in chunks; goes on after a crash.
    case live
    /// From the snapshot that the slot exports, before the stream; begins again after a crash.
    case exported
    /// Not at all: only changes from now on.
    case none
}

/// How a run ended without a failure.
package enum PipelineEnd: Hashable, Sendable {
    case stopped
    /// The position asked for is applied.
    case reached(LSN)
    /// The initial copy is whole, in this start or an earlier one.
    case copied(PipelineState)
    /// The rows that were left have been read beside the stream: the target is what the source was at this position.
    case filled(at: LSN, [TableState])
}
