import Foundation
import Logging
import Mapping
import Model
import Mongo
import Postgres
import Replication

/// Builds a pipeline from its settings and runs it, for `wherry run` and `wherry snapshot`.
struct PipelineWiring: Sendable {
    let settings: Settings
    /// Collections that are not empty at the first start are accepted.
    let adopts: Bool
    var usesSlot = true
    /// Only the initial copy is asked for.
    var endsWithCopy = false
    var end = PipelineSettings.End.never
    /// A data gap that the start finds is repaired.
    var acceptsGap = false
    /// Another mapping than the documents were made by is taken.
    var acceptsMappingChange = false
    let progress: Model.Progress
    let logger: Logger

    func run(stop: StopSignal) async throws -> PipelineEnd {
        let ports = try await ports(try Endpoint.source(settings, usesReplication: usesSlot, logger: logger))
        try await preflight(ports.store)
        let pipeline = Pipeline(
            settings: pipelineSettings, ports: ports, progress: progress, stop: stop, logger: logger)
        return try await pipeline.run()
    }

    /// Takes part in the copy that another worker makes.
    func join(stop: StopSignal) async throws -> JoinedCopy.End {
        // The lock is the other worker's.
        let ports = try await ports(try Endpoint.source(settings, usesReplication: false, logger: logger))
        return try await JoinedCopy(
            settings: pipelineSettings, ports: ports, progress: progress, stop: stop, logger: logger
        ).run()
    }

    private func ports(_ source: PostgresSource) async throws -> PipelinePorts {
        let pool = try Endpoint.pool(settings)
        return PipelinePorts(
            source: source,
            target: MongoTarget(pool: pool, stateDatabase: settings.target.stateDatabase, pipeline: settings.pipeline),
            store: try Endpoint.store(settings, pool),
            ranges: MongoCopyRanges(
                pool: pool, database: settings.target.stateDatabase, worker: Endpoint.thisWorker, progress: progress,
                logger: logger),
            sink: try await MongoDocumentSink(
                pool: pool, stateDatabase: settings.target.stateDatabase, pipeline: settings.pipeline,
                progress: progress, logger: logger),
            indexes: MongoIndexes(
                pool: pool, builderPool: try Endpoint.pool(settings, isPatient: true), pipeline: settings.pipeline),
            makeCopySinks: { try await copySinks(pool) },
            catalogTables: { try await Endpoint.tables(source, settings, named: $0) },
            catalogue: { try await source.catalogue { settings.source.chooses($0) } })
    }

    /// Before the copy is whole everything is looked at. Later starts don't: a table that somebody has added to the
    /// schema since must not keep a running pipeline down, and what matters to the stream the engine checks itself.
    private func preflight(_ store: any StateStore) async throws {
        var unreadable: Failure?
        do {
            guard try await store.load(settings.pipeline)?.stage != .streaming else { return }
        } catch let failure as Failure where failure.kind == .denied {
            // The findings say exactly what is missing.
            unreadable = failure
        }
        let check = CheckWiring(
            settings: settings, adopts: adopts, usesSlot: usesSlot, endsWithCopy: endsWithCopy, logger: logger)
        let findings = await check.findings()
        for finding in findings where finding.severity == .warning {
            logger.warning(
                "preflight",
                metadata: ["code": "\(finding.code)", "subject": "\(finding.subject)", "finding": "\(finding.message)"])
        }
        if let refusal = CheckFindings.refusal(findings, pipeline: settings.pipeline) { throw refusal }
        if let unreadable { throw unreadable }
    }

    private func copySinks(_ pool: MongoPool) async throws -> [any CopySink] {
        var sinks: [any CopySink] = []
        for _ in 0..<settings.backfill.workers {
            sinks.append(
                try await MongoCopySink(
                    pool: pool, stateDatabase: settings.target.stateDatabase, pipeline: settings.pipeline,
                    progress: progress, logger: logger))
        }
        return sinks
    }

    private var pipelineSettings: PipelineSettings {
        var result = PipelineSettings(
            pipeline: settings.pipeline, slot: settings.source.slot, publication: settings.source.publication,
            targetDatabase: settings.target.uri.database, worker: Endpoint.thisWorker)
        result.plugin = settings.source.plugin
        result.usesSlot = usesSlot
        result.tables = settings.source.picksTables ? settings.source.tables : nil
        result.collections = settings.source.collections
        result.mapping = settings.source.mapping
        result.adopt = adopts
        (result.schemas, result.excluded) = (settings.source.schemas, settings.source.excluded)
        result.schemaChanges = settings.schemaChanges
        result.rowFilters = settings.source.rowFilters
        result.copyWorkers = settings.backfill.workers
        result.maxChunkRows = settings.backfill.maxChunkRows
        result.backfillLimits = settings.backfill.limits
        result.backfillMode = endsWithCopy ? .exported : settings.backfill.mode
        result.limits = BatchLimits(
            operations: settings.apply.maxBatchOperations, bytes: settings.apply.maxBatchBytes)
        result.onRefused = settings.apply.onRefused
        result.endsWithCopy = endsWithCopy
        result.end = end
        result.acceptsGap = acceptsGap
        result.acceptsMappingChange = acceptsMappingChange
        result.version = VersionReport.version
        return result
    }
}
