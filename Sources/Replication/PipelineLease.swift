import Logging
import Mapping
import Model

/// This worker's hold on its pipeline: the mark on the source, the epoch in the state, and what was decided at the
/// first start.
actor PipelineLease {
    private let settings: PipelineSettings
    private let ports: PipelinePorts
    private let progress: Progress
    private let logger: Logger

    /// The epoch this worker took over under; nil before.
    private var epoch: Int64?
    private(set) var tables: [TableState] = []
    /// The state of a copy that this worker has made whole.
    private(set) var whole: PipelineState?
    /// What this worker's copy has left that has lost its snapshot.
    private(set) var interruptedCopy: InterruptedCopy?
    private var openCopySinks: [any CopySink] = []

    init(settings: PipelineSettings, ports: PipelinePorts, progress: Progress, logger: Logger) {
        self.settings = settings
        self.ports = ports
        self.progress = progress
        self.logger = logger
    }

    /// Whether both servers have been reached since the start of the program.
    var hasRun: Bool { epoch != nil }

    /// The pipeline's state, with the pipeline held by this worker.
    func take() async throws -> PipelineState {
        // Before waiting for a successor to go away: it is here to stay.
        if let epoch, try await ports.store.load(settings.pipeline)?.epoch != epoch {
            throw Failure.fenced(settings.pipeline)
        }
        let progress = self.progress
        try await ports.source.acquire(wait: settings.takeOverWait) { reason in
            progress.update { $0.waiting = Waiting(reason: reason, since: .now) }
        }
        progress.update { $0.waiting = nil }
        let identity = try await ports.source.identify()
        var state: PipelineState
        if let stored = try await ports.store.load(settings.pipeline) {
            state = stored
        } else {
            state = try await create(identity)
        }
        try check(state, against: identity)
        tables = try await ports.store.tables(of: settings.pipeline)
        try await checkTables(of: state)
        if let epoch {
            guard state.epoch == epoch else { throw Failure.fenced(settings.pipeline) }
        } else {
            state = try await takeOver(state)
        }
        if state.source.timeline != identity.timeline {
            logger.notice(
                "the source is on another timeline; the slot is there, going on",
                metadata: ["before": "\(state.source.timeline)", "now": "\(identity.timeline)"])
        }
        if state.source != identity {
            state.source = identity
            try await ports.store.save(state)
        }
        return state
    }

    private func takeOver(_ state: PipelineState) async throws -> PipelineState {
        if state.stage != .streaming { openCopySinks = try await ports.makeCopySinks() }
        var sessions = try await [ports.sink.session, ports.store.session, ports.ranges.session]
        for sink in openCopySinks { sessions.append(try await sink.session) }
        let taken: PipelineState
        do {
            taken = try await ports.store.takeOver(state, sessions: sessions, worker: settings.worker)
        } catch {
            await closeCopySinks()
            throw error
        }
        epoch = taken.epoch
        await ports.sink.begin(epoch: taken.epoch)
        for sink in openCopySinks { await sink.begin(epoch: taken.epoch) }
        logger.info("pipeline taken over", metadata: ["epoch": "\(taken.epoch)", "stage": "\(taken.stage.rawValue)"])
        return taken
    }

    /// The writers of the initial copy; their sessions are in the state.
    func copySinks() throws -> [any CopySink] {
        guard !openCopySinks.isEmpty else { throw Failure(.unexpected, "the copy has no writers") }
        return openCopySinks
    }

    func closeCopySinks() async {
        for sink in openCopySinks { await sink.close() }
        openCopySinks = []
    }

    func noteWhole(_ state: PipelineState) { whole = state }

    func note(interruptedCopy: InterruptedCopy?) { self.interruptedCopy = interruptedCopy }

    func note(_ failure: Failure?) async {
        guard let epoch else { return }
        do {
            let error = failure.map { LastError(failure: $0, at: .now) }
            try await ports.store.note(error, of: settings.pipeline, epoch: epoch)
        } catch {
            logger.warning("the reason for stopping could not be stored", metadata: ["reason": "\(error)"])
        }
    }

    func close() async {
        await closeCopySinks()
        await ports.sink.close()
        await ports.source.close()
    }

    // MARK: - First start

    private func create(_ identity: SourceIdentity) async throws -> PipelineState {
        let chosen = try await ports.catalogTables(nil)
        guard !chosen.isEmpty else {
            throw Failure(
                .configuration, "there is no table to replicate in the chosen schemas",
                hint: "Check source.schemas and source.exclude; `wherry check` lists what it sees.")
        }
        let destinations = settings.rules.destinations(of: chosen.map(\.schema.name))
        if let clash = StartChecks.sharing(destinations).first { throw clash }
        let parts = destinations.map(\.part)
        if let taken = try await ports.store.collectionsTaken(
            parts, in: settings.targetDatabase, by: settings.pipeline, usesSlot: settings.usesSlot
        ).first {
            throw taken.refusal
        }
        let occupied = try await ports.target.requireFree(parts, adopts: settings.adopt)
        let shapes = Dictionary(
            try await ports.catalogue().map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        let tables = try chosen.flatMap { table in
            let name = table.schema.name
            return try settings.rules.parts(of: name).enumerated().map { place, part in
                try TableState(
                    new: table, shape: shapes[name], part: part, isFurther: place > 0, rules: settings.rules,
                    occupied: occupied)
            }
        }
        var state = PipelineState(
            pipeline: settings.pipeline, stage: settings.usesSlot ? .backfilling : .copyingOnce, stageSince: .now,
            source: identity, slot: settings.usesSlot ? settings.slot : "",
            publication: settings.usesSlot ? settings.publication : "", targetDatabase: settings.targetDatabase,
            epoch: firstEpoch, sessions: [], checkpoint: nil, copyAttempt: 0, worker: settings.worker)
        state.plugin = settings.plugin
        state.picksTables = settings.tables != nil
        state.hasCollections = settings.collections != nil
        try await ports.store.create(state, tables: tables)
        return state
    }

    /// From the clock: a worker that slept through `wherry drop` and a new start must not find its own epoch again.
    private var firstEpoch: Int64 { SourceTime.now.microseconds }

    // MARK: - Later starts

    private func check(_ state: PipelineState, against identity: SourceIdentity) throws {
        if let failure = StartChecks.kind(of: state, usesSlot: settings.usesSlot) { throw failure }
        if let failure = StartChecks.source(of: state, is: identity) { throw failure }
        if let failure = StartChecks.names(
            in: state, slot: settings.slot, publication: settings.publication, plugin: settings.plugin,
            targetDatabase: settings.targetDatabase)
        {
            throw failure
        }
    }

    private func checkTables(of state: PipelineState) async throws {
        if let failure = StartChecks.tables(tables.map(\.table), of: state, asked: settings.tables) { throw failure }
        if let failure = StartChecks.collections(tables, of: state, configured: settings.collections)
            ?? StartChecks.choice(of: tables, in: state, configured: settings.collections)
        {
            throw failure
        }
        if state.stage != .streaming, let failure = StartChecks.copyMapping(tables, of: state, rules: settings.rules) {
            throw failure
        }
        if let failure = StartChecks.guards(tables, of: state, rules: settings.rules) { throw failure }
        let guarded = tables.filter { settings.rules.lastModified(of: $0) != nil }
        guard !guarded.isEmpty else { return }
        // Now, and not when the first change comes. One that was dropped has no more changes.
        for shown in try await ports.catalogTables(guarded.names) {
            for table in guarded where table.table == shown.schema.name {
                try settings.rules.lastModified(of: table)?.check(shown.schema, keyColumns: shown.primaryKey)
            }
        }
    }
}
