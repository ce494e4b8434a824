import Logging
import Model
import Mongo
import Postgres

/// Removes a pipeline: what costs the source first, the state last, so that a drop that was interrupted can be
/// repeated.
struct DropWiring: Sendable {
    let settings: Settings
    let deletesDocuments: Bool
    let logger: Logger

    /// - Throws: `Failure(.inUse)` while a worker runs; `.denied` when only an owner can drop the publication
    ///   (everything else is gone then).
    func drop() async throws -> DropReport {
        let pool = try Endpoint.pool(settings)
        let store = try Endpoint.store(settings, pool)
        let state = try await store.load(settings.pipeline)
        try checkTarget(state)
        var known = settings
        if let state { (known.source.slot, known.source.publication) = (state.slot, state.publication) }
        let usesReplication = state?.stage.isOneOff != true
        return try await Endpoint.withSource(known, usesReplication: usesReplication, logger: logger) {
            try await drop(state, source: $0, store: store, pool: pool)
        }
    }

    private func drop(
        _ state: PipelineState?, source: PostgresSource, store: MongoStateStore, pool: MongoPool
    ) async throws -> DropReport {
        // Holding the worker's lock: nobody starts the pipeline while it goes away.
        try await source.acquire(wait: .zero)
        let identity = try await source.identify()
        try checkDatabase(state, identity)
        var report = DropReport(pipeline: settings.pipeline, slot: nil, publication: nil, state: state != nil)
        report.sourceIsAnother = state.map { !$0.source.isSameDatabase(as: identity) } ?? false
        var refusal: Failure?
        if !report.sourceIsAnother { refusal = try await dropFromSource(source, &report) }
        // Programs that have joined a copy write nothing from here on.
        try await store.endTransactions(of: settings.pipeline)
        if let current = try await store.load(settings.pipeline) {
            try await MongoCopyRanges(
                pool: pool, database: settings.target.stateDatabase, worker: Endpoint.thisWorker,
                progress: Model.Progress(), logger: logger
            ).close(current.pipeline, epoch: current.epoch, isWhole: false)
        }
        if deletesDocuments, state != nil {
            try await deleteDocuments(of: try await store.tables(of: settings.pipeline), pool: pool, &report)
        }
        try await store.remove(settings.pipeline)
        if let refusal { throw refusal }
        return report
    }

    /// In another database of the same cluster the slot is still there, and would be forgotten with the state.
    private func checkDatabase(_ state: PipelineState?, _ identity: SourceIdentity) throws {
        guard let state, state.source.systemIdentifier == identity.systemIdentifier,
            state.source.database != identity.database
        else { return }
        throw Failure(
            .configuration,
            "pipeline \(state.pipeline) reads database \(state.source.database), not \(identity.database)",
            hint: "Give the source URI with that database: the slot can be dropped only there.")
    }

    /// - Returns: why the publication could not be dropped; it does no harm, so the rest goes on.
    private func dropFromSource(_ source: PostgresSource, _ report: inout DropReport) async throws -> Failure? {
        if try await source.slot() != nil {
            try await source.dropSlot()
            report.slot = source.settings.slot
        }
        do {
            if try await source.dropPublication() { report.publication = source.settings.publication }
            return nil
        } catch let failure as Failure where failure.kind == .denied {
            return Failure(
                .denied,
                "pipeline \(settings.pipeline) is removed, but this role may not drop publication "
                    + source.settings.publication,
                hint: "Ask its owner to run: DROP PUBLICATION \(quoteIdentifier(source.settings.publication));")
        }
    }

    private func deleteDocuments(of tables: [TableState], pool: MongoPool, _ report: inout DropReport) async throws {
        let target = MongoTarget(
            pool: pool, stateDatabase: settings.target.stateDatabase, pipeline: settings.pipeline)
        for table in tables where table.wasEmpty {
            try await target.empty(table.part)
            report.collections.append(table.part.description)
        }
        report.keptCollections = tables.filter { !$0.wasEmpty }.map(\.part.description)
    }

    /// Documents are deleted only where the pipeline wrote them.
    private func checkTarget(_ state: PipelineState?) throws {
        guard deletesDocuments, let state, state.targetDatabase != settings.target.uri.database else { return }
        throw Failure(
            .configuration,
            "pipeline \(settings.pipeline) wrote to database \(state.targetDatabase), not to \(settings.target.uri.database)",
            hint: "Give the target URI with that database, or leave --documents out.")
    }
}
