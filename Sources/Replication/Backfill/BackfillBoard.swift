import Model
import Synchronization

/// Which segments of which tables are waiting, being read, or outstanding. Shared by the workers that read chunks and
/// the task that puts them into the stream of writes.
///
/// A segment has one piece at a time: the next is given out when the one before is finished or failed. The board is
/// made anew for every run of the stream, from the states that are in the target; what was outstanding is read again
/// then.
final class BackfillBoard: Sendable {
    /// What a worker does next.
    enum Assignment: Hashable, Sendable {
        case read(BackfillPiece)
        /// All that is left is with others.
        case wait
        /// As `wait`, and a table is held back until then.
        case hold(until: ContinuousClock.Instant)
        case finished
    }

    private struct State {
        /// The largest first.
        var tables: [TableBackfill] = []
        var lastID = 0
        /// By worker.
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]

        /// Interrupted tables are tried by one worker at a time, and not before this: after a try in vain the worker
        /// reads other tables for as long as the try took.
        var triesAfter: ContinuousClock.Instant?
        /// Of chunks that have a row which can't be written.
        var refusals: [(route: Route, failure: Failure)] = []

        var isOver: Bool { tables.allSatisfy(\.isOver) }
        func isWaiting(at now: ContinuousClock.Instant) -> Bool {
            !isOver && !tables.contains { isAvailable($0, at: now) }
        }

        func isAvailable(_ table: TableBackfill, at now: ContinuousClock.Instant) -> Bool {
            guard table.isAvailable(at: now) else { return false }
            return table.waiting == nil || (triesAfter ?? now) <= now && !tables.contains(where: \.isTried)
        }

        /// When a table that is held back may be tried; nil while one is: whoever does it wakes the others.
        func heldUntil(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
            if tables.contains(where: \.isTried) { return nil }
            return tables.compactMap(\.heldUntil).map { max($0, triesAfter ?? $0) }.filter { $0 > now }.min()
        }

        func index(of route: Route) -> Int? { tables.firstIndex { $0.state.route == route } }

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    private let state = Mutex(State())
    private let workers: Int
    private let target: ChunkTarget

    /// - Parameter workers: how many read; they are numbered from 0 and begin in different parts of a table.
    init(workers: Int, target: ChunkTarget = ChunkTarget()) {
        self.workers = max(workers, 1)
        self.target = target
    }

    /// Adds a table that is to be read, or goes on with one.
    ///
    /// - Parameter estimatedRows: the planner's; the largest table is read first.
    /// - Returns: false, with nothing changed, when the table is on the board and not finished.
    @discardableResult
    func add(_ table: BackfillState, estimatedRows: Int) -> Bool {
        change { state in
            if let index = state.index(of: table.route) {
                guard state.tables[index].isFinished else { return false }
                state.tables.remove(at: index)
            }
            let index = state.tables.firstIndex { $0.estimatedRows < estimatedRows } ?? state.tables.endIndex
            state.tables.insert(TableBackfill(table, estimatedRows: estimatedRows, target: target), at: index)
            return true
        }
    }

    /// What the worker does next: each begins at its own share of the largest table that has a segment waiting, and
    /// comes back to the first segment of its share that is not taken.
    func next(for worker: Int, at now: ContinuousClock.Instant = .now) -> Assignment {
        let share = Double(worker % workers) / Double(workers)
        return state.withLock { state in
            for index in state.tables.indices where state.isAvailable(state.tables[index], at: now) {
                if let piece = state.tables[index].take(id: state.lastID + 1, from: share, at: now) {
                    state.lastID += 1
                    return .read(piece)
                }
            }
            if state.isOver { return .finished }
            return state.heldUntil(at: now).map { .hold(until: $0) } ?? .wait
        }
    }

    /// As `next`, but waits while all that is left is with others. One call a worker at a time.
    ///
    /// - Returns: nil when all that can be read and written is, or the task is cancelled.
    func nextPiece(for worker: Int) async -> BackfillPiece? {
        while !Task.isCancelled {
            switch next(for: worker) {
            case .read(let piece): return piece
            case .finished: return nil
            case .wait: await waitForChange(worker)
            case .hold(let until): await waitForChange(worker, until: until)
            }
        }
        return nil
    }

    /// A worker has read the piece; it waits now for the stream to come to it.
    ///
    /// - Returns: false when the piece is not the segment's any more: its rows are worth nothing.
    func delivered(_ piece: BackfillPiece, cost: ChunkCost) -> Bool {
        update(piece.route) { $0.deliver(piece, cost: cost) } ?? false
    }

    /// The piece's rows and progress are durable.
    ///
    /// - Returns: false when the piece is not the segment's any more.
    @discardableResult
    func finished(_ piece: BackfillPiece, _ step: BackfillStep) -> Bool {
        update(piece.route) { $0.finish(piece, step) } ?? false
    }

    /// The piece could not be read, or not be judged: it is given out again.
    ///
    /// - Parameter isTooLarge: the next one of the table shall be smaller.
    func failed(_ piece: BackfillPiece, isTooLarge: Bool = false) {
        update(piece.route) { $0.fail(piece, isTooLarge: isTooLarge) }
    }

    /// The piece could not be read for a reason that passes, such as a lock: it is given out again after a pause, which
    /// grows from one interruption of the table to the next.
    func interrupted(_ piece: BackfillPiece, reason: String, at now: ContinuousClock.Instant = .now) {
        // Everybody: whoever waits has to know until when.
        change(wakesAll: true) { state in
            guard let index = state.index(of: piece.route) else { return }
            if let tried = state.tables[index].interrupt(piece, reason: reason, at: now) {
                state.triesAfter = now + tried
            }
        }
    }

    /// Why tables were interrupted, and since when, until they are read again.
    var waiting: [Waiting] { state.withLock { $0.tables.compactMap(\.waiting) } }

    /// The piece has a row that can't be written: its segment stays where it is, and is not given out again.
    func refused(_ piece: BackfillPiece, _ failure: Failure) {
        change { state in
            guard let index = state.index(of: piece.route), state.tables[index].refuse(piece) else { return }
            state.refusals.append((piece.route, failure))
        }
    }

    /// A row of the table can't be written that was read again.
    func refused(_ route: Route, _ failure: Failure) { state.withLock { $0.refusals.append((route, failure)) } }

    /// Why some rows can't be written.
    var refusals: [(route: Route, failure: Failure)] { state.withLock { $0.refusals } }

    var isFinished: Bool { state.withLock { $0.tables.allSatisfy(\.isFinished) } }
    /// Takes a table off the board, with what is refused of it: nothing more is given out.
    func remove(_ route: Route) {
        change { state in
            state.tables.removeAll { $0.state.route == route }
            state.refusals.removeAll { $0.route == route }
        }
    }

    /// A part of the sweep is durable.
    func swept(_ step: SweepStep, removed: Int) {
        update(step.route) { $0.sweep(step, removed: removed) }
    }

    /// What of the tables is read, and whose documents are still to be looked through.
    var unswept: [BackfillState] {
        state.withLock { $0.tables.map(\.state).filter { $0.isRead && !$0.isFinished } }
    }

    /// All tables, the largest first.
    var progress: [TableBackfill.Progress] {
        state.withLock { $0.tables.map(\.progress) }
    }

    /// What is done of the table; nil when it is not on the board.
    func state(of route: Route) -> BackfillState? {
        state.withLock { state in state.index(of: route).map { state.tables[$0].state } }
    }

    // MARK: - Changing and waiting

    private func update<Result: Sendable>(_ route: Route, _ body: (inout TableBackfill) -> Result) -> Result? {
        change { state in
            guard let index = state.index(of: route) else { return nil }
            return body(&state.tables[index])
        }
    }

    /// Changes the board, and wakes the workers when there is something for them now.
    private func change<Result: Sendable>(wakesAll: Bool = false, _ body: (inout State) -> Result) -> Result {
        let (result, woken) = state.withLock { state in
            let result = body(&state)
            return (result, !wakesAll && state.isWaiting(at: .now) ? [] : state.takeWaiters())
        }
        for waiter in woken { waiter.resume() }
        return result
    }

    private func waitForChange(_ worker: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = state.withLock { state in
                    guard state.isWaiting(at: .now), !Task.isCancelled else { return false }
                    state.waiters[worker] = continuation
                    return true
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: worker) }?.resume()
        }
    }

    private func waitForChange(_ worker: Int, until deadline: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitForChange(worker) }
            group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
            await group.next()
            group.cancelAll()
        }
    }
}
