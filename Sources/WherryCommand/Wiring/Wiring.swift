import Mongo
import Postgres

/// The one place that knows both databases: builds the adapters from the settings and hands them to the engine.
enum Wiring {
    static let backend = Backend(
        draft: { source, logger in try await DraftWiring(source: source, logger: logger).draft() },
        preview: { request, logger in try await PreviewWiring(request: request, logger: logger).preview() },
        run: { request, progress, logger, stop in
            try await RunWiring(request: request, progress: progress, logger: logger).run(stop: stop)
        },
        snapshot: { request, progress, logger, stop in
            try await SnapshotWiring(request: request, progress: progress, logger: logger).run(stop: stop)
        },
        backfill: { call, progress, logger, stop in
            try await BackfillWiring(call: call, progress: progress, logger: logger).run(stop: stop)
        },
        check: { settings, adopts, logger in
            await CheckWiring(settings: settings, adopts: adopts, logger: logger).findings()
        },
        status: { settings, logger in try await StatusWiring(settings: settings, logger: logger).report() },
        set: { settings, changes in try await SetWiring(settings: settings).set(changes) },
        acceptChange: { settings, table in try await SetWiring(settings: settings).acceptChange(of: table) },
        tables: { call, logger in try await TablesWiring(call: call, logger: logger).run() },
        deadLetters: { settings, call in try await DeadLettersWiring(settings: settings).run(call) },
        pipelines: { endpoints, logger in try await PipelinesWiring(endpoints: endpoints, logger: logger).report() },
        drop: { settings, documents, logger in
            try await DropWiring(settings: settings, deletesDocuments: documents, logger: logger).drop()
        },
        libraries: {
            [
                .init(name: "libpq", version: PostgresLibrary.version),
                .init(name: "libmongoc", version: MongoPool.libraryVersion),
            ]
        })
}
