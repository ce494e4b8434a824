import Foundation
import Logging
import Mapping
import Model
import Mongo
import Postgres
import Replication
import Synchronization
import TestSupport

/// One run of the engine in this process, between real servers: what `wherry run` does, without its preflight.
struct OracleRun: Sendable {
    let progress = Model.Progress()
    let log = OracleLog()
    private let stopSignal = StopSignal()
    private let ended = StopSignal()
    private let task: Task<Void, any Error>

    init(_ plan: OraclePlan, _ fixture: PipelineFixture, _ pool: MongoPool) async throws {
        try await self.init(plan.settings(fixture), fixture, pool, plugin: plan.plugin)
    }

    init(
        _ settings: PipelineSettings, _ fixture: PipelineFixture, _ pool: MongoPool, plugin: OutputPlugin = .pgoutput
    ) async throws {
        let logger = Logger(label: "oracle") { [log] _ in log }
        let (source, store) = try (
            PostgresSource(
                SourceSettings(
                    uri: fixture.sourceURI, pipeline: fixture.name, slot: fixture.slot, publication: fixture.slot,
                    plugin: plugin, hasBinaryCodec: MappingPlan.hasBinaryCodec), logger: logger),
            MongoStateStore(pool: pool, database: fixture.stateDatabase)
        )
        let (progress, stop) = (progress, stopSignal)
        let copySink: @Sendable () async throws -> any CopySink = {
            try await MongoCopySink(
                pool: pool, stateDatabase: fixture.stateDatabase, pipeline: fixture.name, progress: progress,
                logger: logger)
        }
        let ports = PipelinePorts(
            source: source,
            target: MongoTarget(pool: pool, stateDatabase: fixture.stateDatabase, pipeline: fixture.name),
            store: store,
            ranges: MongoCopyRanges(
                pool: pool, database: fixture.stateDatabase, worker: settings.worker, progress: progress,
                logger: logger),
            sink: try await MongoDocumentSink(
                pool: pool, stateDatabase: fixture.stateDatabase, pipeline: fixture.name, progress: progress,
                logger: logger),
            makeCopySinks: { [try await copySink()] },
            catalogTables: { names in
                try await source.tables(schemas: ["public"])
                    .filter { names?.contains($0.name) ?? true }
                    .map { SourceTable(schema: $0.schema, primaryKey: $0.primaryKey) }
            },
            catalogue: { try await source.catalogue { $0.name.schema == "public" } })
        let pipeline = Pipeline(
            settings: settings, ports: ports, progress: progress, stop: stop, logger: logger)
        task = Task { [ended] in
            defer { ended.stop() }
            _ = try await pipeline.run()
        }
    }

    /// Ends it where it stands: what is under way in the servers ends by itself, or is found by the next run.
    func cancel() async {
        task.cancel()
        _ = await task.result
    }

    /// - Throws: what the run has ended with.
    func stop() async throws {
        stopSignal.stop()
        try await task.value
    }

    /// What the engine says of itself.
    private var state: String {
        let now = progress.snapshot()
        let tables = now.tables.map { "\($0.collection) \($0.copiedRows)\($0.isFinished ? " finished" : "")" }
        return "\(now.phase), applied \(now.applied), received \(now.received), tables \(tables), \(now.backfill)"
            + (now.waiting.map { ", waiting: \($0.reason)" } ?? "")
    }

    /// Waits for its own end, and returns with what the run has thrown.
    func end() async throws { try await task.value }

    /// Waits until `condition` holds.
    ///
    /// - Throws: what the run ends with before; `TestFailure` when that takes longer than `limit`.
    func waitUntil(
        _ what: String, within limit: Duration = .seconds(60),
        _ condition: @Sendable (ProgressSnapshot) async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        while try await !condition(progress.snapshot()) {
            if ended.isStopped { try await task.value }
            guard !ended.isStopped, .now < deadline else {
                throw TestFailure("waited \(limit) in vain until \(what): \(state)")
            }
            try await Task.sleep(for: .milliseconds(3))
        }
    }
}

extension PipelineFixture {
    /// Slot and publication, as the program calls them.
    var slot: String { "wherry_\(name)" }

    /// Of a run in this process.
    var settings: PipelineSettings {
        let seconds = Date().timeIntervalSince1970 - Double(SourceTime.epochOffsetSeconds)
        var settings = PipelineSettings(
            pipeline: name, slot: slot, publication: slot, targetDatabase: name,
            worker: WorkerIdentity(
                host: "localhost", pid: Int(ProcessInfo.processInfo.processIdentifier),
                startedAt: SourceTime(microseconds: Int64(seconds * 1_000_000))))
        settings.backfillMode = .live
        return settings
    }
}

extension PipelineSettings {
    /// Has rows read again that come without a value of the column.
    mutating func readAgain(_ tables: [String], without column: String) {
        collections = Dictionary(
            uniqueKeysWithValues: tables.map { name in
                let table = TableName(schema: "public", name: name)
                var mapping = CollectionMapping()
                mapping.filter = .everyRow(needing: column)
                return (table, [CollectionSettings(collection: table.defaultCollection, mapping: mapping)])
            })
    }
}

extension OraclePlan {
    fileprivate func settings(_ fixture: PipelineFixture) -> PipelineSettings {
        var settings = fixture.settings
        settings.plugin = plugin
        settings.copyWorkers = workers
        settings.maxChunkRows = chunkRows
        settings.limits = BatchLimits(operations: batchOperations)
        if let touchLogBytes { settings.touchLogBytes = touchLogBytes }
        if readsAgain { settings.readAgain(tables.map(\.name), without: "large") }
        return settings
    }
}
