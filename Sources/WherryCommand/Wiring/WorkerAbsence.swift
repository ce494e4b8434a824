import Logging
import Model

/// Tells whoever waits for a worker that there is none, and when one is back.
struct WorkerAbsence {
    let progress: Model.Progress
    let logger: Logger
    private var since: ContinuousClock.Instant?
    private var isTold = false

    /// A worker that waits for a server lets go of its lock for up to ten seconds.
    static let patience = Duration.seconds(12)

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
