import Logging
import Model
import Mongo
import Postgres
import Replication

/// Makes a pipeline's initial copy, or a copy without a slot, and ends.
struct SnapshotWiring: Sendable {
    let request: SnapshotRequest
    let progress: Model.Progress
    let logger: Logger

    private var settings: Settings { request.settings }

    func run(stop: StopSignal) async throws -> SnapshotOutcome {
        if request.joins { return try await join(stop: stop) }
        if let since = try await wholeSince() {
            try await requireNothingHeld()
            return .alreadyWhole(since: since)
        }
        let wiring = PipelineWiring(
            settings: settings, adopts: request.adopts, usesSlot: request.usesSlot, endsWithCopy: true,
            progress: progress, logger: logger)
        switch try await wiring.run(stop: stop) {
        case .stopped:
            // What is left beside the stream goes on at the chunk, a copy from a snapshot doesn't.
            let stage = try? await store().load(settings.pipeline)?.stage
            return .stopped(isResumable: stage == .streaming)
        case .filled(let position, let tables):
            try await requireNothingHeld()
            return .filled(at: position, tables)
        case .reached: throw Failure(.unexpected, "the copy went on to a position")
        case .copied(let state):
            // Whole before this start came to it: there was nothing to copy.
            if progress.snapshot().tables.isEmpty { return .alreadyWhole(since: state.stageSince) }
            return .copied(at: state.checkpoint?.lsn)
        }
    }

    private func join(stop: StopSignal) async throws -> SnapshotOutcome {
        let wiring = PipelineWiring(
            settings: settings, adopts: request.adopts, usesSlot: request.usesSlot, endsWithCopy: true,
            progress: progress, logger: logger)
        switch try await wiring.join(stop: stop) {
        case .stopped: return .stopped(isResumable: false)
        case .joined(let tables): return .joined(tables)
        case .alreadyWhole(let since): return .alreadyWhole(since: since)
        }
    }

    private func requireNothingHeld() async throws {
        guard request.usesSlot else { return }
        if let refusal = try await store().heldLetters(of: settings.pipeline).refusal(of: settings.pipeline) {
            throw refusal
        }
    }

    private func store() throws -> MongoStateStore {
        return try Endpoint.store(settings)
    }

    /// Since when the pipeline's copy is whole; nil when there is something to do. Looked at beforehand, without taking
    /// the pipeline over: its worker may be running.
    ///
    /// - Throws: `Failure` when the pipeline is another one than this start wants.
    private func wholeSince() async throws -> SourceTime? {
        let store = try store()
        let state: PipelineState?
        // What is missing the preflight says better.
        do { state = try await store.load(settings.pipeline) } catch let failure as Failure
            where failure.kind == .denied
        {
            return nil
        }
        guard let state else { return nil }
        if let refusal = StartChecks.kind(of: state, usesSlot: request.usesSlot) { throw refusal }
        if let refusal = StartChecks.names(
            in: state, slot: settings.source.slot, publication: settings.source.publication,
            plugin: settings.source.plugin, targetDatabase: settings.target.uri.database)
        {
            throw refusal
        }
        let tables = try await store.tables(of: settings.pipeline)
        let asked = settings.source.picksTables ? settings.source.tables : nil
        if let refusal = StartChecks.tables(tables.map(\.table), of: state, asked: asked)
            ?? StartChecks.collections(tables, of: state, configured: settings.source.collections)
            ?? StartChecks.choice(of: tables, in: state, configured: settings.source.collections)
        {
            throw refusal
        }
        let hasRereads = try await store.hasRereadsBeforeWhole(settings.pipeline)
        guard state.shownStage(tables, hasRereads: hasRereads) == .streaming else { return nil }
        let identity = try await Endpoint.withSource(settings, logger: logger) { try await $0.identify() }
        if let refusal = StartChecks.source(of: state, is: identity) { throw refusal }
        return state.stageSince
    }
}
