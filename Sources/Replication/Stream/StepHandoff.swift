import Model
import Synchronization

/// What the writer does next.
enum WriteStep: Sendable {
    case batch(WriteBatch)
    /// Empty these collections, after everything before and before everything behind it.
    case truncate([CollectionPart])
    /// Rows of a backfill, after everything before: what of that isn't written yet comes with them.
    case chunk(AdmittedChunk, behind: WriteBatch?)
    /// Called once everything before is durable.
    case tell(@Sendable () -> Void)
}

/// One place between the task that prepares batches and the task that writes them: while one batch is being written the
/// next one may lie ready here. One task puts, one takes.
final class StepHandoff: Sendable {
    private struct State {
        var step: WriteStep?
        var isFinished = false
        var taker: CheckedContinuation<WriteStep?, Never>?
        var putter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let onWanted: @Sendable () -> Void

    /// - Parameter onWanted: called when the writer has nothing to do.
    init(onWanted: @escaping @Sendable () -> Void) { self.onWanted = onWanted }

    /// Whether the writer is waiting for work.
    var isWanted: Bool { state.withLock { $0.taker != nil } }

    /// Hands a step over; waits while another one lies ready. Returns at once when the writer has finished for good.
    func put(_ step: WriteStep) async {
        while true {
            if offer(step) { return }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if state.step == nil || state.isFinished || Task.isCancelled { return true }
                        state.putter = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                finish()
            }
        }
    }

    private func offer(_ step: WriteStep) -> Bool {
        let (isDone, taker) = state.withLock { state -> (Bool, CheckedContinuation<WriteStep?, Never>?) in
            if state.isFinished { return (true, nil) }
            if let taker = state.taker {
                state.taker = nil
                return (true, taker)
            }
            if state.step == nil {
                state.step = step
                return (true, nil)
            }
            return (false, nil)
        }
        taker?.resume(returning: step)
        return isDone
    }

    /// The next step; nil when there will be none.
    func take() async -> WriteStep? {
        let (ready, isFinished, putter) = state.withLock {
            state -> (WriteStep?, Bool, CheckedContinuation<Void, Never>?) in
            defer {
                state.step = nil
                state.putter = nil
            }
            return (state.step, state.isFinished, state.putter)
        }
        putter?.resume()
        if let ready { return ready }
        if isFinished { return nil }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> WriteStep?? in
                    if let step = state.step {
                        state.step = nil
                        return .some(step)
                    }
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    state.taker = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) } else { onWanted() }
            }
        } onCancel: {
            finish()
        }
    }

    /// No more steps: wakes whoever waits. What lies ready is dropped (it is not durable, and will be sent again).
    func finish() {
        let (taker, putter) = state.withLock { state in
            state.isFinished = true
            state.step = nil
            defer {
                state.taker = nil
                state.putter = nil
            }
            return (state.taker, state.putter)
        }
        taker?.resume(returning: nil)
        putter?.resume()
    }
}
