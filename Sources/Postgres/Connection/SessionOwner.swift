import Model

/// An actor on a thread of its own that blocks there on one session.
protocol SessionOwner: Actor {
    /// The session's.
    nonisolated var wakeup: Wakeup { get }

    /// What an error of the session means here.
    ///
    /// - Parameter action: What was tried, to follow "can't".
    nonisolated func classify(_ error: ServerError, doing action: String) -> Failure
}

extension SessionOwner {
    /// Runs `body`, which may block, on this actor's thread, wakes it up when the task is cancelled, and classifies
    /// what it throws. The actor is a parameter, because a closure that doesn't use `self` is not isolated: it would
    /// run, and block, on a thread of the shared pool.
    func onThread<Value: Sendable>(
        _ action: String, _ body: (isolated Self) throws -> Value
    ) async throws -> Value {
        let wakeup = wakeup
        return try await withTaskCancellationHandler {
            do {
                return try body(self)
            } catch let error as ServerError {
                throw classify(error, doing: action)
            }
        } onCancel: {
            wakeup.signal()
        }
    }
}
