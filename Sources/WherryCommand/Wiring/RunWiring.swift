import Logging
import Model
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
        case .reached: return request.goal == .caughtUp ? .caughtUp : .positionReached
        case .copied, .filled: throw Failure(.unexpected, "the run ended with its initial copy")
        }
    }
}
