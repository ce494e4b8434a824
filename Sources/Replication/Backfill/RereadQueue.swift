import Model
import Synchronization

/// Rows that have to be read again by their keys. They stand in the state database too, so that none is lost with the
/// worker.
final class RereadQueue: Sendable {
    private let state: Mutex<[Reread]>
    private let interruption = Mutex<Waiting?>(nil)

    init(_ rereads: [Reread]) { state = Mutex(rereads) }

    /// Why they can't be read now, and since when.
    var waiting: Waiting? { interruption.withLock { $0 } }

    /// - Parameter reason: nil once they are read again.
    func interrupted(by reason: String?) {
        interruption.withLock { waiting in
            waiting = reason.map { Waiting(reason: $0, since: waiting?.since ?? .now) }
        }
    }

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
