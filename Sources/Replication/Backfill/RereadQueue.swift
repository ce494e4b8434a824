import Model
import Synchronization

/// Rows that have to be read again by their keys. They stand in the state database too, so that none is lost with the
/// worker.
final class RereadQueue: Sendable {
    private let state: Mutex<[Reread]>

    init(_ rereads: [Reread]) { state = Mutex(rereads) }

    var all: [Reread] { state.withLock { $0 } }

    func add(_ rereads: [Reread]) {
        if !rereads.isEmpty { state.withLock { $0 += rereads } }
    }

    /// Takes the next rows of one collection.
    func take(atMost limit: Int) -> [Reread] {
        state.withLock { queue in
            guard let collection = queue.first?.collection else { return [] }
            let taken = Array(Set(queue.lazy.filter { $0.collection == collection }.prefix(limit)))
            let isTaken = Set(taken)
            queue.removeAll { isTaken.contains($0) }
            return taken
        }
    }
}
