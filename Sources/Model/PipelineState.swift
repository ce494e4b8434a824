/// What the state database remembers of a pipeline between two starts.
package struct PipelineState: Hashable, Sendable {
    /// Where in its life the pipeline stands; each stage says what a start has to do.
    package enum Stage: String, Sendable {
        /// The initial copy is not finished. Set before the first document is written. A start in this stage removes
        /// what an interrupted copy wrote (from collections that were empty) and begins again with a new slot.
        case backfilling
        /// The copy is whole, was not wanted, or goes on beside the stream (`TableState.backfill`); the checkpoint says
        /// how far the stream is. A start goes on from it.
        case streaming
        /// A copy without a slot (`wherry snapshot --no-slot`) that is not whole. Set before the first document is
        /// written: the mark that no such copy can be mistaken for a whole one. A start in this stage cleans up like
        /// one in `backfilling`.
        case copyingOnce = "copying_once"
        /// That copy is whole, and nothing is left to do but to remove this state.
        case copiedOnce = "copied_once"

        /// Whether it belongs to a copy without a slot, which no stream follows.
        package var isOneOff: Bool { self == .copyingOnce || self == .copiedOnce }
    }

    package let pipeline: String
    package var stage: Stage
    package var stageSince: SourceTime
    package var source: SourceIdentity
    /// Empty, like the publication, for a copy without a slot.
    package var slot: String
    package var publication: String
    /// Of the slot.
    package var plugin = OutputPlugin.pgoutput
    package var targetDatabase: String
    /// One more with every worker that takes the pipeline over; begins with the clock, so that no epoch comes back
    /// after `wherry drop`. A worker writes documents, checkpoint and stage only while the stored epoch is its own; the
    /// progress of tables, which nothing depends on, it writes in any case.
    package var epoch: Int64
    /// The server sessions (`lsid`) of the worker of that epoch, for a moment its predecessor's too; a successor kills
    /// them before and after it raises the epoch.
    package var sessions: [SessionID]
    /// nil until the stream can begin: the copy is finished, or goes on beside it.
    package var checkpoint: Checkpoint?
    /// Which attempt at the initial copy this is, from 1.
    package var copyAttempt: Int
    package var worker: WorkerIdentity
    package var lastError: LastError?
    package var statistics: Statistics
    /// Whether the command line of the first start chose among the tables of the configuration.
    package var picksTables = false
    /// Whether the configuration of the first start named its tables (`collections`).
    package var hasCollections = false

    package struct Statistics: Hashable, Sendable {
        /// Source transactions that were too large for one batch, over the pipeline's life.
        package var splitTransactions: Int64 = 0
        package init() {}
        package init(splitTransactions: Int64) { self.splitTransactions = splitTransactions }
    }

    package init(
        pipeline: String, stage: Stage, stageSince: SourceTime, source: SourceIdentity, slot: String,
        publication: String, targetDatabase: String, epoch: Int64, sessions: [SessionID], checkpoint: Checkpoint?,
        copyAttempt: Int, worker: WorkerIdentity, lastError: LastError? = nil, statistics: Statistics = Statistics()
    ) {
        self.pipeline = pipeline
        self.stage = stage
        self.stageSince = stageSince
        self.source = source
        self.slot = slot
        self.publication = publication
        self.targetDatabase = targetDatabase
        self.epoch = epoch
        self.sessions = sessions
        self.checkpoint = checkpoint
        self.copyAttempt = copyAttempt
        self.worker = worker
        self.lastError = lastError
        self.statistics = statistics
    }
}

/// Which cluster and database the changes come from. Another cluster behind the same address is a data gap.
package struct SourceIdentity: Hashable, Sendable {
    /// `pg_control_system().system_identifier`, decimal digits.
    package var systemIdentifier: String
    package var timeline: Int
    package var database: String
    /// `server_version_num`: 150020.
    package var serverVersion: Int

    package init(systemIdentifier: String, timeline: Int, database: String, serverVersion: Int) {
        self.systemIdentifier = systemIdentifier
        self.timeline = timeline
        self.database = database
        self.serverVersion = serverVersion
    }

    /// Whether both are one database of one cluster.
    package func isSameDatabase(as other: SourceIdentity) -> Bool {
        systemIdentifier == other.systemIdentifier && database == other.database
    }
}

/// A MongoDB server session's `lsid.id`: 16 bytes.
package struct SessionID: Hashable, Sendable {
    package let bytes: [UInt8]
    package init(bytes: [UInt8]) { self.bytes = bytes }
}

/// Where a worker runs, for people.
package struct WorkerIdentity: Hashable, Sendable {
    package var host: String
    package var pid: Int
    package var startedAt: SourceTime

    package init(host: String, pid: Int, startedAt: SourceTime) {
        self.host = host
        self.pid = pid
        self.startedAt = startedAt
    }
}

/// Why the last worker stopped, as its operator saw it.
package struct LastError: Hashable, Sendable {
    package var failure: Failure
    package var at: SourceTime

    package init(failure: Failure, at: SourceTime) {
        self.failure = failure
        self.at = at
    }
}

/// A table's place in the target, decided at the first start and kept, with the progress of its initial copy.
package struct TableState: Hashable, Sendable {
    package enum CopyStage: String, Sendable {
        case waiting, copying, finished
    }

    package var route: Route
    package let collection: String
    /// nil where the collection is the table's alone.
    package let discriminator: Discriminator?
    /// Columns of `_id`, in key order.
    package var keyColumns: [String]
    /// What the key's values are in BSON, in key order: `number`, `text` and so on (`MappingPlan.keyForms`). Documents
    /// can't be found by a key of another form. Empty in states that are older.
    package let keyForms: [String]
    /// The fingerprint of the mapping that made its documents; empty in states that are older, which had none.
    package var mapping: String
    /// Whether the table's part of the collection held nothing at the first start, and nobody else was to write into it:
    /// then everything in it is Wherry's own.
    package let wasEmpty: Bool
    package var copyStage: CopyStage
    package var estimatedRows: Int
    package var copiedRows: Int
    /// The live backfill of the table; nil when it is copied from an exported snapshot.
    package var backfill: BackfillState?
    /// A backfill that is asked for, and begins when the stream does the next time.
    package var wanted: BackfillRequest?
    /// Why the worker has given up the backfill that was asked for last, without a hint; nil when it has not.
    package var refusal: Failure?
    /// The columns that the documents are made of; nil in states that are older.
    package var shape: TableShape?
    /// Whatever has committed before this position, changes of the columns too, is in the documents, or will be by what
    /// is asked for or under way.
    package var coveredTo = LSN.zero
    package var membership = TableMembership.member
    /// The row filter that Wherry has put into the publication, as the server writes it; nil without one.
    package var rowFilter: String?
    /// Whether an operator has accepted that its columns have changed.
    package var acceptsChange = false

    /// - Parameter isFurther: the table has another collection already.
    package init(
        table: TableName, collection: String, isFurther: Bool = false, discriminator: Discriminator? = nil,
        keyColumns: [String], keyForms: [String] = [], mapping: String = "", wasEmpty: Bool,
        copyStage: CopyStage = .waiting, estimatedRows: Int = 0, copiedRows: Int = 0, backfill: BackfillState? = nil
    ) {
        route = Route(table, into: isFurther ? collection : nil)
        self.collection = collection
        self.discriminator = discriminator
        self.keyColumns = keyColumns
        self.keyForms = keyForms
        self.mapping = mapping
        self.wasEmpty = wasEmpty
        self.copyStage = copyStage
        self.estimatedRows = estimatedRows
        self.copiedRows = copiedRows
        self.backfill = backfill
    }

    package var table: TableName {
        get { route.table }
        set { route.table = newValue }
    }

    /// Where its documents are.
    package var part: CollectionPart { CollectionPart(collection, discriminator) }

    /// Whether rows of it are still to come beside the stream.
    package var isBackfilling: Bool { backfill.map { !$0.isFinished } ?? false }

    package var orders: BackfillOrders {
        BackfillOrders(
            requestedAt: wanted?.requestedAt, isPaused: backfill?.isPaused ?? false,
            isCancelled: backfill?.isCancelled ?? false, membership: membership, acceptsChange: acceptsChange)
    }

    /// Whether nothing is missing of what its rows were when its stream began: the first backfill, or the one after a
    /// gap or a change of its columns, is done. (A backfill that was asked for reads again what is there.)
    package var isWhole: Bool {
        (wanted?.cause ?? .asked) == .asked && !(isBackfilling && backfill?.cause != .asked)
    }

    /// The same, not filled beside the stream.
    package var withoutBackfill: TableState {
        var table = self
        table.backfill = nil
        return table
    }
}

extension [TableState] {
    /// Each table once.
    package var names: [TableName] { Set(map(\.table)).sorted() }

    /// The table as a command line names it: with the collection where it has several.
    package func words(of route: Route) -> String {
        let own = filter { $0.table == route.table }
        guard own.count > 1, let state = own.first(where: { $0.route == route }) else { return "\(route.table)" }
        return "\(route.table) --into \(state.collection)"
    }

    /// What Wherry has put into the publication, by table.
    package var rowFilters: [TableName: String] {
        Dictionary(compactMap { table in table.rowFilter.map { (table.table, $0) } }, uniquingKeysWith: { $1 })
    }
}

extension PipelineState {
    /// The stage as people are told it: who streams and isn't whole is filled beside the stream.
    ///
    /// - Parameter hasRereads: rows have to be read again before every document is whole.
    package func shownStage(_ tables: [TableState], hasRereads: Bool) -> Stage {
        stage == .streaming && (hasRereads || !tables.allSatisfy(\.isWhole)) ? .backfilling : stage
    }
}
