import Model
import Replication

/// The one place that knows both databases: builds the adapters from the settings and hands them to the engine.
enum Wiring {
    static let backend = Backend(
        run: { request, progress, logger, stop in
            try await RunWiring(request: request, progress: progress, logger: logger).run(stop: stop)
        },
        check: { _, _ in throw absent },
        status: { _, _ in throw absent },
        pipelines: { _, _ in throw absent },
        drop: { _, _, _ in throw absent },
        libraries: { [] })

    private static let absent = Failure(.unexpected, "this build has no database adapters")
}
