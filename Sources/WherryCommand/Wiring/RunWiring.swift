import Logging
import Model
import Mongo
import Replication

/// Runs a pipeline with its goal.
struct RunWiring: Sendable {
    let request: RunRequest
    let progress: Model.Progress
    let logger: Logger

    func run(stop: StopSignal) async throws -> RunOutcome {
        let end: PipelineSettings.End =
            switch request.goal {
            case .none: .never
            case .caughtUp: .caughtUp
            case .position(let lsn): .position(lsn)
            }
        let wiring = PipelineWiring(
            settings: request.settings, adopts: request.adopts, end: end,
            acceptsGap: request.acceptsGap, acceptsMappingChange: request.acceptsMappingChange, progress: progress,
            logger: logger)
        switch try await wiring.run(stop: stop) {
        case .stopped: return .stopped
        case .reached:
            try await requireNothingHeld()
            return request.goal == .caughtUp ? .caughtUp : .positionReached
        case .copied, .filled: throw Failure(.unexpected, "the run ended with its initial copy")
        }
    }

    /// Whoever waits for the target to be like the source has to know that it is not.
    private func requireNothingHeld() async throws {
        let settings = request.settings
        let held = try await Endpoint.store(settings).heldLetters(of: settings.pipeline)
        if let refusal = held.refusal(of: settings.pipeline) { throw refusal }
    }
}
