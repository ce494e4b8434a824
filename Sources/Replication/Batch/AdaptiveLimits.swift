import Synchronization

/// Batch limits that give way and come back. After repeated collisions with other writers a large transaction would
/// never get through, a small one does. A transaction that takes long holds its documents and fills the server's cache:
/// the next ones are smaller. When batches get through quickly for a while, larger ones are tried again.
package final class AdaptiveLimits: Sendable {
    private struct State {
        var operations: Int
        var successes = 0
    }

    private let full: BatchLimits
    private let state: Mutex<State>

    /// Batches in a row that get through before the size is doubled.
    package static let patience = 50

    /// A batch should take no longer.
    package static let longest = Duration.seconds(1)

    package init(_ limits: BatchLimits) {
        full = limits
        state = Mutex(State(operations: limits.operations))
    }

    package var current: BatchLimits {
        BatchLimits(operations: state.withLock { $0.operations }, bytes: full.bytes)
    }

    /// A quarter of the operations, at least 10.
    package func shrink() {
        let full = full.operations
        state.withLock { $0 = State(operations: max($0.operations / 4, min(10, full))) }
    }

    /// A batch got through.
    package func succeed(in duration: Duration) {
        let full = full.operations
        state.withLock { state in
            if duration > AdaptiveLimits.longest {
                // One that is small already isn't slow for its size.
                state = State(operations: min(state.operations, max(state.operations / 2, 100)))
                return
            }
            guard state.operations < full else { return }
            state.successes += 1
            guard state.successes >= AdaptiveLimits.patience else { return }
            state = State(operations: min(state.operations * 2, full))
        }
    }
}
