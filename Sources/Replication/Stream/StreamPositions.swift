import Model
import Synchronization

/// The three positions of a running stream: read from the connection, durable in the target, told to the server. Each
/// only moves forward, and each has one writer: the receiver, the batch writer, and the receiver again after it has
/// told the server. What is confirmed has been applied.
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
    package var confirmed: LSN { state.withLock { $0.confirmed } }

    package func receive(_ lsn: LSN) { state.withLock { $0.received = max($0.received, lsn) } }

    /// Documents and checkpoint up to here are durable in the target: the receiver may confirm it from now on.
    package func apply(_ lsn: LSN) { state.withLock { $0.applied = max($0.applied, lsn) } }

    /// The server has been told that it may forget everything up to here.
    package func confirm(_ lsn: LSN) { state.withLock { $0.confirmed = max($0.confirmed, lsn) } }
}
