import Model

/// What to do about a failure while a pipeline runs. Classifying is the adapters' work; deciding is done here.
package enum RetryPolicy {
    package enum Decision: Hashable, Sendable {
        /// Start again from the stored state after a pause.
        case retry(after: Duration)
        /// The same, with smaller batches: other writers keep colliding with large ones, or MongoDB has ended one that
        /// was too long or too large.
        case retrySmaller(after: Duration)
        /// Nothing that waiting could mend.
        case stop
    }

    /// - Parameters:
    ///   - attempt: failures in a row without progress in between, from 1.
    ///   - hasRun: whether both servers have been reached since the start. Before that an unreachable server ends the
    ///     start with a clear message; afterwards it is waited for.
    package static func decide(_ failure: Failure, attempt: Int, hasRun: Bool) -> Decision {
        switch failure.kind {
        case .sourceInterrupted: .retry(after: backoff(attempt))
        case .unreachable: hasRun ? .retry(after: backoff(attempt)) : .stop
        case .targetInterrupted: .retrySmaller(after: backoff(attempt))
        case .copyInterrupted, .chunkInterrupted, .typeChanged: attempt <= 5 ? .retry(after: backoff(attempt)) : .stop
        // Our own walsender may need a moment to notice that its client is gone.
        case .inUse: hasRun && attempt <= 5 ? .retry(after: backoff(attempt)) : .stop
        case .unexpected, .fenced, .denied, .configuration, .usage, .dataGap, .dataRefused, .differences: .stop
        }
    }

    /// 0.1 s doubling to 10 s: 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10 …
    package static func backoff(_ attempt: Int) -> Duration {
        .milliseconds(min(100 << min(max(attempt - 1, 0), 9), 10_000))
    }
}
