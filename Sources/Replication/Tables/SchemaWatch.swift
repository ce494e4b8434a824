import Logging
import Mapping
import Model
import Synchronization

/// Looks after the tables of a pipeline while its stream runs: by what the stream announces, and by the catalogue every
/// ten seconds. What has changed it doesn't settle: the stream ends and starts again, and the start does
/// (`TableSettlement`); or it holds until an operator has accepted it.
final class SchemaWatch: Sendable {
    enum Verdict: Hashable, Sendable {
        case goOn
        /// Nothing more may be prepared, for this reason.
        case hold(String)
    }

    private let settings: PipelineSettings
    private let ports: PipelinePorts
    private let state: PipelineState
    private let tables: [TableState]
    private let settled: SettledTables
    private let notes: SchemaNotes
    private let progress: Progress
    private let logger: Logger
    /// By oid, in this stream.
    private let announced = Mutex<Set<UInt32>>([])
    private let told = Mutex<Set<TableName>>([])

    private static let interval = Duration.seconds(10)

    init(
        settings: PipelineSettings, ports: PipelinePorts, state: PipelineState, tables: [TableState],
        settled: SettledTables, notes: SchemaNotes, progress: Progress, logger: Logger
    ) {
        self.settings = settings
        self.ports = ports
        self.state = state
        self.tables = tables
        self.settled = settled
        self.notes = notes
        self.progress = progress
        self.logger = logger
    }

    // MARK: - The stream

    /// - Parameters:
    ///   - table: a version of one of the pipeline's tables.
    ///   - lsn: where the transaction commits that brings it.
    /// - Throws: `Failure(.typeChanged)` when the stream has to start again.
    func look(at table: TableVersion, committing lsn: LSN) async throws -> Verdict {
        let isFirst = announced.withLock { $0.insert(table.schema.oid).inserted }
        for known in known(table.schema) {
            let verdict = try await look(at: table, as: known, isFirst: isFirst, committing: lsn)
            guard verdict == .goOn else { return verdict }
        }
        return .goOn
    }

    private func look(
        at table: TableVersion, as known: TableState, isFirst: Bool, committing lsn: LSN
    ) async throws -> Verdict {
        guard let shape = known.shape else { return .goOn }
        // An older form: what is made of it here is read again, or has been.
        guard lsn > known.coveredTo else { return .goOn }
        // Whether or not an announcement shows it.
        if settled.held.contains(known.table) { return try act(known, ["its columns are others"], isForced: false) }
        if !shape.agrees(with: table.schema) { return try act(known, ["its columns are others"], isForced: true) }
        // The first announcement of a stream follows the start's own look; a later one says that something was altered,
        // which counts here if it is nothing that an announcement would show.
        guard !isFirst || table.schema.name != known.table else { return .goOn }
        return try await compare {
            $0.state.route == known.route && ($0.isRenamed || $0.now.shape.isAnnounced(like: shape))
        }
    }

    /// - Parameter message: of prefix `DDLMessage.prefix`.
    func look(at message: LogicalMessage) async throws -> Verdict {
        PipelineMetrics.told()
        guard let ddl = DDLMessage(message.content) else {
            logger.warning("a message of prefix wherry.ddl can't be read", metadata: ["lsn": "\(message.lsn)"])
            return .goOn
        }
        logger.notice(
            "the source's schema was changed", metadata: ["command": "\(ddl.tag)", "object": "\(ddl.identity)"])
        if let known = tables.first(where: {
            $0.shape != nil && $0.shape?.oid == ddl.rewritten && message.lsn > $0.coveredTo
        }) {
            return try act(known, ["its rows were written anew"], isForced: true)
        }
        let verdict = try await compare { _ in true }
        if verdict == .goOn, let failure = try await newcomers(try await ports.catalogue()) { throw failure }
        return verdict
    }

    /// The published table that a stranger is a partition of.
    ///
    /// - Throws: as `ChangeSource.requireUnpublished`; `Failure(.typeChanged)` when the table joins.
    func root(of stranger: TableVersion) async throws -> TableName? {
        let name = stranger.schema.name
        if try await ports.store.leftTables(of: state.pipeline).contains(where: { $0.table == name }) { return nil }
        do {
            return try await ports.source.requireUnpublished(stranger.schema)
        } catch let refusal as Failure where refusal.kind == .configuration {
            if let failure = try await newcomers(try await ports.catalogue()) { throw failure }
            // One that can't join yet is read when it does.
            if try await joinsLater(name) { return nil }
            throw refusal
        }
    }

    private func joinsLater(_ name: TableName) async throws -> Bool {
        if settled.awaitsWholeTransaction, settled.outsiders.contains(where: { $0.table == name && $0.refusal == nil })
        {
            return true
        }
        return try await ports.store.tables(of: state.pipeline).contains {
            $0.table == name && $0.membership == .joining
        }
    }

    /// Holds the stream until it ends, and tells why. The connection is looked after meanwhile.
    func hold(_ reason: String) async throws {
        logger.warning("the stream holds", metadata: ["reason": "\(reason)"])
        progress.update { $0.waiting = Waiting(reason: reason, since: .now) }
        let note = WorkerNote(epoch: state.epoch, waiting: WorkerNote.Waiting(reason: reason, since: .now))
        while true {
            // Again and again: a backfill beside the stream has something to say there too.
            try? await ports.store.leave(note, of: state.pipeline)
            try await Task.sleep(for: SchemaWatch.interval)
        }
    }

    // MARK: - The catalogue

    /// Runs until cancelled. What can't be asked is left to the next time.
    func run() async throws {
        while true {
            try await Task.sleep(for: SchemaWatch.interval)
            let catalogue: [CatalogueTable]
            let newcomers: Failure?
            do {
                catalogue = try await ports.catalogue()
                newcomers = try await self.newcomers(catalogue)
            } catch let failure as Failure {
                logger.debug("the catalogue can't be looked at", metadata: ["reason": "\(failure.message)"])
                continue
            }
            try judge(catalogue)
            if let newcomers { throw newcomers }
        }
    }

    private func judge(_ catalogue: [CatalogueTable]) throws {
        for table in tables where table.rowFilter != nil {
            guard let now = catalogue.first(where: { $0.name == table.table })?.table,
                let plan = try? MappingPlan(table, of: now, by: settings.rules), plan.rowFilter == nil
            else { continue }
            throw startAgain(table.table, "the publication can't have its filter any more")
        }
        for change in SchemaChange.find(tables, in: catalogue) {
            guard case .hold(let reason) = try verdict(on: change) else { continue }
            if told.withLock({ $0.insert(change.state.table).inserted }) {
                logger.warning("the stream will hold at the next change", metadata: ["reason": "\(reason)"])
            }
        }
    }

    private func compare(_ isMeant: (SchemaChange) -> Bool) async throws -> Verdict {
        for change in SchemaChange.find(tables, in: try await ports.catalogue()) where isMeant(change) {
            let verdict = try verdict(on: change)
            if verdict != .goOn { return verdict }
        }
        return .goOn
    }

    private func verdict(on change: SchemaChange) throws -> Verdict {
        if change.isRenamed { throw startAgain(change.state.table, "it is called \(change.now.name)") }
        return change.words.isEmpty ? .goOn : try act(change.state, change.words, isForced: false)
    }

    /// Why the stream starts again: somebody can join, or can't any more.
    private func newcomers(_ catalogue: [CatalogueTable]) async throws -> Failure? {
        let outsiders = Outsider.find(
            catalogue, try await ports.store.tables(of: state.pipeline),
            left: try await ports.store.leftTables(of: state.pipeline),
            published: try await ports.source.publishedTables(), rules: settings.rules,
            joinsBy: { settings.joins($0, of: state) })
        guard let changed = outsiders.symmetricDifference(settled.outsiders).map(\.table).min() else { return nil }
        return startAgain(changed, "whether it can join the pipeline is to be looked at again")
    }

    private func act(_ table: TableState, _ words: [String], isForced: Bool) throws -> Verdict {
        let summary = SchemaChange.summary(words)
        switch settings.schemaChanges {
        case .follow:
            if isForced, let oid = table.shape?.oid { notes.note(oid) }
            throw startAgain(table.table, summary)
        case .fail: throw SchemaChange.refusal(table.table, summary)
        case .pause:
            return .hold(
                "table \(table.table) has changed: \(summary); `wherry set --accept-schema-change \(table.table)` "
                    + "goes on")
        }
    }

    private func startAgain(_ table: TableName, _ words: String) -> Failure {
        Failure(
            .typeChanged, "table \(table) is looked at again: \(words)",
            hint:
                "The start that follows settles it. If that does not help, `wherry check` says what stands in the way.")
    }

    /// One for each of its collections.
    private func known(_ schema: TableSchema) -> [TableState] {
        let name = tables.first { $0.shape?.oid == schema.oid }?.table ?? schema.name
        return tables.filter { $0.table == name }
    }
}
