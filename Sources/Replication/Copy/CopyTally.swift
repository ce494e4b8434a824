import Model
import Synchronization

/// How many rows this program has written, by table, and how many it has left for the stream to hold back.
final class CopyTally: Sendable {
    private let state = Mutex<[Route: Int]>([:])
    private let refused = Atomic(0)

    func add(_ rows: Int, to route: Route) { state.withLock { $0[route, default: 0] += rows } }

    /// - Returns: how many there are with these.
    func refuse(_ rows: Int) -> Int { refused.add(rows, ordering: .relaxed).newValue }

    var rows: [Route: Int] { state.withLock { $0 } }
}
