import Model
import Synchronization

/// How many rows this program has written, by table.
final class CopyTally: Sendable {
    private let state = Mutex<[Route: Int]>([:])

    func add(_ rows: Int, to route: Route) { state.withLock { $0[route, default: 0] += rows } }

    var rows: [Route: Int] { state.withLock { $0 } }
}
