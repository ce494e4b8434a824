import Model
import Synchronization

/// The three positions of a running stream: received ≥ applied ≥ confirmed. Each only moves forward, and each has one
/// writer: the receiver, the batch writer, and the receiver again after it has told the server.
package final class StreamPositions: Sendable {
    private struct State {
        var received: LSN
        var applied: LSN
        var confirmed: LSN
    }

    private let state: Mutex<State>

    package init(start: LSN) {
        state = Mutex(State(received: start, applied: start, confirmed: start))
    }

    package var received: LSN { state.withLock { $0.received } }
    package var applied: LSN { state.withLock { $0.applied } }

    package func receive(_ lsn: LSN) { state.withLock { $0.received = max($0.received, lsn) } }

    /// Documents and checkpoint up to here are durable in the target. The only call that lets the server forget.
    package func apply(_ lsn: LSN) { state.withLock { $0.applied = max($0.applied, lsn) } }

    package func confirm(_ lsn: LSN) { state.withLock { $0.confirmed = max($0.confirmed, lsn) } }
}
