import Logging
import Model

/// Waiting for a target that is away, and telling so.
struct TargetWait: Sendable {
    let address: String
    let progress: Progress
    let logger: Logger

    /// One pause, longer with each attempt (from 1), of five seconds at most.
    func pause(_ attempt: Int, for what: String? = nil) async throws {
        if attempt == 1 {
            let reason = "waiting for MongoDB at \(address)\(what.map { " \($0)" } ?? "")"
            progress.update { $0.waiting = Waiting(reason: reason, since: .now) }
            logger.warning("waiting for the target", metadata: ["address": "\(address)"])
        }
        try await Task.sleep(for: .milliseconds(min(50 << min(attempt, 7), 5000)))
    }

    /// - Parameter attempts: how many there were; nothing was told when there was none.
    func ended(after attempts: Int) {
        if attempts > 0 { progress.update { $0.waiting = nil } }
    }

    /// Commits, and asks again for as long as the outcome is unknown.
    func commit(_ transactions: MongoSession, isolation: isolated (any Actor)? = #isolation) async throws {
        var attempts = 0
        defer { ended(after: attempts) }
        while true {
            do {
                return try transactions.commit()
            } catch let error as MongoError where error.hasLabel("UnknownTransactionCommitResult") {
                attempts += 1
                try await pause(attempts, for: "to answer a commit")
            }
        }
    }
}
