import Model
import Synchronization

/// Rows that have to be read again by their keys. They stand in the state database too, so that none is lost with the
/// worker; what doesn't fit here is taken from there.
final class RereadQueue: Sendable {
    /// What comes one part at a time, and waits as long as it takes.
    enum Errand: Hashable, Sendable { case rereads, sweep }

    /// What is read in one go.
    private struct Group: Hashable {
        let collection: String
        let cause: Reread.Cause
    }

    private struct State {
        var rows: [Group: [Reread]] = [:]
        var count = 0
        /// Taken, and neither settled nor put back.
        var taken: Set<Reread> = []
        /// Whether the state database has some that are not here.
        var hasMore = false
        /// Whether it is being asked just now.
        var isRefilling = false
        /// What somebody waits for; nil while nobody does.
        var awaited: Set<Reread>?
        var hasOnlyRereads = false
        var waiter: (continuation: CheckedContinuation<Void, Never>, endsToo: Bool)?

        var hasWork: Bool { count > 0 || hasMore }

        mutating func takeWaiter(force: Bool = false) -> CheckedContinuation<Void, Never>? {
            guard let waiting = waiter, force || hasWork || waiting.endsToo && hasOnlyRereads else { return nil }
            waiter = nil
            return waiting.continuation
        }

        mutating func add(_ rereads: [Reread], atMost limit: Int) {
            taken.subtract(rereads)
            let room = max(0, limit - count)
            if room < rereads.count { hasMore = true }
            for reread in rereads.prefix(room) {
                rows[Group(collection: reread.collection, cause: reread.cause), default: []].append(reread)
            }
            count += min(room, rereads.count)
        }
    }

    private let state = Mutex(State())
    private let limit: Int
    private let interruptions = Mutex<[Errand: Waiting]>([:])

    /// - Parameters:
    ///   - limit: rows that are kept here.
    ///   - hasMore: whether the state database has others.
    init(_ rereads: [Reread], limit: Int = PendingRereads.most, hasMore: Bool = false) {
        self.limit = limit
        add(rereads)
        if hasMore { state.withLock { $0.hasMore = true } }
    }

    /// Why something can't be read now, and since when.
    var waiting: [Waiting] { interruptions.withLock { Array($0.values) } }

    /// - Parameter reason: nil once it is read.
    func interrupted(_ errand: Errand, by reason: String?) {
        interruptions.withLock { waiting in
            waiting[errand] = reason.map { Waiting(reason: $0, since: waiting[errand]?.since ?? .now) }
        }
    }

    var all: [Reread] { state.withLock { Array($0.rows.values.joined()) } }
    /// Whether the state database has some that are not here.
    var hasMore: Bool { state.withLock { $0.hasMore } }
    /// Whether there are some, here or there.
    var hasWork: Bool { state.withLock { $0.hasWork } }

    func add(_ rereads: [Reread]) {
        if rereads.isEmpty { return }
        let waiter = state.withLock { [limit] state in
            state.add(rereads, atMost: limit)
            return state.takeWaiter()
        }
        waiter?.resume()
    }

    /// Takes some rows of one collection and for one cause, those that came last.
    func take(atMost limit: Int) -> [Reread] {
        state.withLock { state in
            guard let index = state.rows.values.firstIndex(where: { !$0.isEmpty }) else { return [] }
            let taken = Array(state.rows.values[index].suffix(limit))
            state.rows.values[index].removeLast(taken.count)
            state.count -= taken.count
            let rows = Set(taken)
            state.taken.formUnion(rows)
            return Array(rows)
        }
    }

    /// Rows that were taken are written, but for some that have to be read once more.
    func settle(_ rereads: [Reread], but again: [Reread]) {
        let settled = Set(rereads).subtracting(again)
        state.withLock { state in
            state.taken.subtract(settled)
            state.awaited?.subtract(settled)
        }
        add(again)
    }

    /// Fills the queue, when it is empty, with what the state database has: at most so many as `read` is told. What is
    /// noted there meanwhile is added by itself.
    func refill(_ read: (_ limit: Int) async throws -> [Reread]) async throws {
        state.withLock { ($0.hasMore, $0.isRefilling) = (false, true) }
        let rereads = try await read(limit)
        state.withLock { [limit] state in
            state.isRefilling = false
            state.add(rereads, atMost: limit)
            state.awaited?.formUnion(rereads)
            if rereads.count >= limit { state.hasMore = true }
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

    /// Whether all is written that had to be read again when this was asked for the first time. (Not all that has come
    /// since: a busy source may always have some more.)
    func isSettled() -> Bool {
        state.withLock { state in
            let awaited = state.awaited ?? Set(state.rows.values.joined()).union(state.taken)
            state.awaited = awaited
            return awaited.isEmpty && !state.hasMore && !state.isRefilling
        }
    }

    /// Returns when there is something to take, or the task is cancelled. For one task.
    ///
    /// - Parameter endsToo: also when everything else is read.
    func waitForMore(orTheEnd endsToo: Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = state.withLock { state in
                    guard !Task.isCancelled else { return false }
                    state.waiter = (continuation, endsToo)
                    return state.takeWaiter() == nil
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.takeWaiter(force: true) }?.resume()
        }
    }
}
