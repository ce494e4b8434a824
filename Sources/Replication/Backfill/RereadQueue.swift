import Model
import Synchronization

/// Rows that have to be read again by their keys. They stand in the state database too, so that none is lost with the
/// worker.
final class RereadQueue: Sendable {
    /// What comes one part at a time, and waits as long as it takes.
    enum Errand: Hashable, Sendable { case rereads, sweep }

    private struct State {
        var rows: [String: [Reread]] = [:]
        var hasOnlyRereads = false
        var waiter: CheckedContinuation<Void, Never>?

        var isEmpty: Bool { rows.values.allSatisfy(\.isEmpty) }

        mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
            defer { waiter = nil }
            return waiter
        }
    }

    private let state = Mutex(State())
    private let interruptions = Mutex<[Errand: Waiting]>([:])

    init(_ rereads: [Reread]) { add(rereads) }

    /// Why something can't be read now, and since when.
    var waiting: [Waiting] { interruptions.withLock { Array($0.values) } }

    /// - Parameter reason: nil once it is read.
    func interrupted(_ errand: Errand, by reason: String?) {
        interruptions.withLock { waiting in
            waiting[errand] = reason.map { Waiting(reason: $0, since: waiting[errand]?.since ?? .now) }
        }
    }

    var all: [Reread] { state.withLock { Array($0.rows.values.joined()) } }

    func add(_ rereads: [Reread]) {
        if rereads.isEmpty { return }
        let waiter = state.withLock { state in
            for reread in rereads { state.rows[reread.collection, default: []].append(reread) }
            return state.takeWaiter()
        }
        waiter?.resume()
    }

    /// Takes some rows of one collection, those that came last.
    func take(atMost limit: Int) -> [Reread] {
        state.withLock { state in
            guard let index = state.rows.values.firstIndex(where: { !$0.isEmpty }) else { return [] }
            let taken = Array(state.rows.values[index].suffix(limit))
            state.rows.values[index].removeLast(taken.count)
            return Array(Set(taken))
        }
    }

    // MARK: - The end

    /// Whether everything else is read.
    var hasOnlyRereads: Bool { state.withLock { $0.hasOnlyRereads } }

    func everythingElseIsRead() {
        let waiter = state.withLock { state in
            state.hasOnlyRereads = true
            return state.takeWaiter()
        }
        waiter?.resume()
    }

    /// Returns when there is something to take, or everything else is read, or the task is cancelled. For one task.
    func waitForMore() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = state.withLock { state in
                    guard state.isEmpty, !state.hasOnlyRereads, !Task.isCancelled else { return false }
                    state.waiter = continuation
                    return true
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.takeWaiter() }?.resume()
        }
    }
}
