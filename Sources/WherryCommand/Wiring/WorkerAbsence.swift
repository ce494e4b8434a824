import Logging
import Model

/// Tells whoever waits for a worker that there is none, and when one is back.
struct WorkerAbsence {
    let progress: Model.Progress
    let logger: Logger
    private var since: ContinuousClock.Instant?
    private var isTold = false

    /// Between two streams a worker lets go of its lock for a moment.
    static let patience = Duration.seconds(3)

    init(progress: Model.Progress, logger: Logger) {
        self.progress = progress
        self.logger = logger
    }

    /// - Parameter isActive: nil when the source can't be asked: nothing is said of a worker then.
    mutating func look(isActive: Bool?, at now: ContinuousClock.Instant = .now) {
        switch isActive {
        case nil: break
        case true?:
            since = nil
            guard isTold else { return }
            isTold = false
            progress.update { $0.waiting = nil }
            logger.notice("a worker is active again")
        case false?:
            let since = since ?? now
            self.since = since
            guard !isTold, now - since >= WorkerAbsence.patience else { return }
            isTold = true
            let reason = "no worker is active: the next 'wherry run' goes on with the backfill"
            progress.update { $0.waiting = Waiting(reason: reason, since: since) }
            logger.notice("the backfill waits", metadata: ["for": "\(reason)"])
        }
    }
}
