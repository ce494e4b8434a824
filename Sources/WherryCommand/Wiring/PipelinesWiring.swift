import Logging
import Model
import Mongo
import Postgres

/// Reads every pipeline of the state database and every slot of the source that could be Wherry's. Changes nothing.
struct PipelinesWiring: Sendable {
    let endpoints: Endpoints
    let logger: Logger

    func report() async throws -> PipelinesReport {
        let pool = try MongoPool(uri: endpoints.target.reveal(), applicationName: "wherry pipelines")
        let store = MongoStateStore(pool: pool, database: endpoints.stateDatabase)
        let states = try await store.all()
        let anySource = try source(pipeline: "pipelines", slot: "")
        do {
            let slots = try await anySource.wherrySlots()
            let identity = try await anySource.identify()
            let end = try await anySource.currentLSN()
            await anySource.close()
            var rows: [PipelinesReport.Pipeline] = []
            for state in states {
                let stage = state.shownStage(
                    try await store.tables(of: state.pipeline),
                    hasRereads: try await store.hasRereadsBeforeWhole(state.pipeline))
                rows.append(try await row(state, stage, identity: identity, end: end))
            }
            // Slots are seen from every database of a cluster; only those of this one can be judged, and dropped, here.
            let own = Set(states.filter { $0.source.systemIdentifier == identity.systemIdentifier }.map(\.slot))
            let stray = slots.filter { !own.contains($0.name) && $0.database == identity.database }
            return PipelinesReport(pipelines: rows, straySlots: stray.map(SlotReport.init))
        } catch {
            await anySource.close()
            throw error
        }
    }

    private func row(
        _ state: PipelineState, _ stage: PipelineState.Stage, identity: SourceIdentity, end: LSN
    ) async throws -> PipelinesReport.Pipeline {
        var row = PipelinesReport.Pipeline(
            name: state.pipeline, state: stage.rawValue, targetDatabase: state.targetDatabase,
            sourceIsAnother: !state.source.isSameDatabase(as: identity), workerActive: false,
            appliedLSN: state.checkpoint?.lsn.description)
        guard state.source.isSameDatabase(as: identity) else { return row }
        row.lagBytes = state.checkpoint.map { end.bytes(since: $0.lsn) }
        let source = try source(pipeline: state.pipeline, slot: state.slot)
        do {
            row.slot = try await source.slot().map(SlotReport.init)
            row.workerActive = try await source.activeWorker() != nil
        } catch {
            await source.close()
            throw error
        }
        await source.close()
        return row
    }

    private func source(pipeline: String, slot: String) throws -> PostgresSource {
        try PostgresSource(
            SourceSettings(
                uri: endpoints.source.reveal(), pipeline: pipeline, slot: slot, publication: slot,
                hasBinaryCodec: { _ in true }),
            logger: logger)
    }
}
