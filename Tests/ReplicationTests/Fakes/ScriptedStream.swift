import Model
import Synchronization

/// A replication connection that delivers scripted events: a frame holds the number of its event.
final class ScriptedStream: ChangeStream {
    private struct State {
        var pending: [Frame]
        var failure: Failure?
        var arrival: Gate?
        var received = 0
        var statuses: [(received: LSN, applied: LSN)] = []
        var isClosed = false
    }

    private let state: Mutex<State>
    private let script: EventScript
    let statusInterval: Duration
    /// Frames that one `receive` returns at most.
    private let chunk: Int

    init(_ script: EventScript, statusInterval: Duration = .milliseconds(20), chunk: Int = 16) {
        self.script = script
        self.statusInterval = statusInterval
        self.chunk = chunk
        state = Mutex(State(pending: script.frames))
    }

    /// Frames handed out so far.
    var received: Int { state.withLock { $0.received } }
    var statuses: [(received: LSN, applied: LSN)] { state.withLock { $0.statuses } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Delivers one more frame.
    func send(_ frame: Frame) {
        let arrival = state.withLock { state in
            state.pending.append(frame)
            return state.arrival
        }
        arrival?.open()
    }

    /// The connection breaks once what was sent has been received.
    func fail(_ failure: Failure) {
        let arrival = state.withLock { state in
            state.failure = failure
            return state.arrival
        }
        arrival?.open()
    }

    /// Never patient: what there is comes at once.
    func receive(maxBytes: Int, isPatient: Bool, until deadline: ContinuousClock.Instant) async throws -> [Frame] {
        if let frames = try take() { return frames }
        let arrival = Gate()
        state.withLock { $0.arrival = arrival }
        if let frames = try take() { return frames }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await arrival.pass() }
            group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
            await group.next()
            group.cancelAll()
        }
        return try take() ?? []
    }

    private func take() throws -> [Frame]? {
        try state.withLock { state in
            if state.pending.isEmpty {
                if let failure = state.failure { throw failure }
                return nil
            }
            let frames = Array(state.pending.prefix(chunk))
            state.pending.removeFirst(frames.count)
            state.received += frames.count
            return frames
        }
    }

    func hurry() {}

    func sendStatus(received: LSN, applied: LSN) async throws {
        state.withLock { $0.statuses.append((received, applied)) }
    }

    func makeDecoder() -> any ChangeDecoder { ScriptedDecoder(script: script) }

    func close() async { state.withLock { $0.isClosed = true } }
}

/// Events by the number in their frame.
struct ScriptedDecoder: ChangeDecoder {
    let script: EventScript
    private(set) var registered: [TableVersion] = []

    init(script: EventScript) { self.script = script }

    mutating func decode(_ frame: Frame) throws -> StreamEvent? {
        switch frame {
        case .keepalive(let position, _): return .position(position)
        case .data(let block, _):
            let number = Int(block.base.loadUnaligned(as: UInt64.self))
            return script.events[number]
        }
    }

    mutating func register(_ table: TableVersion) -> StreamEvent? {
        registered.append(table)
        return nil
    }
}
