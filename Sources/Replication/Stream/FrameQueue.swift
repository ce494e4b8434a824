import Model
import Synchronization

/// The place between the replication socket and the decoder for what was read at once, in the order of the stream: one
/// task pushes, one pops. It is bounded because the first pushes only what it has read while the place was empty; what
/// follows waits in the socket, where it can be read in large pieces.
package final class FrameQueue: Sendable {
    private struct State {
        var frames: [Frame] = []
        var bytes = 0
        var isPoked = false
        var consumer: CheckedContinuation<[Frame], Never>?
        var producer: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    package var bytes: Int { state.withLock { $0.bytes } }
    package var isEmpty: Bool { state.withLock { $0.frames.isEmpty } }

    package func push(_ frames: [Frame]) {
        guard !frames.isEmpty else { return }
        let waiting = state.withLock { state -> (CheckedContinuation<[Frame], Never>, [Frame])? in
            state.frames.append(contentsOf: frames)
            state.bytes += frames.reduce(0) { $0 + $1.byteCount }
            guard let consumer = state.consumer else { return nil }
            state.consumer = nil
            return (consumer, FrameQueue.drain(&state))
        }
        waiting?.0.resume(returning: waiting!.1)
    }

    /// Wakes the consumer with no frames: something else wants its attention.
    package func poke() {
        let consumer = state.withLock { state in
            state.isPoked = state.consumer == nil
            defer { state.consumer = nil }
            return state.consumer
        }
        consumer?.resume(returning: [])
    }

    /// Everything queued, as soon as there is something; empty after a poke or a cancellation.
    package func pop() async -> [Frame] {
        let (frames, producer) = state.withLock { state -> ([Frame], CheckedContinuation<Void, Never>?) in
            let frames = FrameQueue.drain(&state)
            defer { state.producer = nil }
            return (frames, state.producer)
        }
        producer?.resume()
        if !frames.isEmpty { return frames }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (ready, producer) = state.withLock { state -> ([Frame]?, CheckedContinuation<Void, Never>?) in
                    if state.isPoked || !state.frames.isEmpty || Task.isCancelled {
                        state.isPoked = false
                        defer { state.producer = nil }
                        return (FrameQueue.drain(&state), state.producer)
                    }
                    state.consumer = continuation
                    return (nil, nil)
                }
                producer?.resume()
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            poke()
        }
    }

    /// Returns when everything pushed has been popped, at the deadline, or when cancelled.
    package func waitUntilEmpty(until deadline: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
            group.addTask { await self.emptiness() }
            await group.next()
            group.cancelAll()
        }
    }

    private func emptiness() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.frames.isEmpty || Task.isCancelled { return true }
                    state.producer = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let producer = state.withLock { state in
                defer { state.producer = nil }
                return state.producer
            }
            producer?.resume()
        }
    }

    private static func drain(_ state: inout State) -> [Frame] {
        let frames = state.frames
        state.frames = []
        state.bytes = 0
        return frames
    }
}

extension Frame {
    /// Bytes that the frame keeps in memory, roughly.
    var byteCount: Int {
        switch self {
        case .data(let block, _): block.count + 64
        case .keepalive: 32
        }
    }
}
