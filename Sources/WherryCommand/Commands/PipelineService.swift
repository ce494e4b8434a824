import Model
import Replication
import ServiceLifecycle

/// The pipeline as a service: a graceful shutdown becomes a request to stop, and the service ends when the work does.
struct PipelineService: Service {
    let stop: StopSignal
    let work: @Sendable (StopSignal) async throws -> Void

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await work(stop)
        } onGracefulShutdown: {
            stop.stop()
        }
    }
}
