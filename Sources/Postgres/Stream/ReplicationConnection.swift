import CLibPQ
import Model
import PinnedThread

/// A walsender connection (`replication=database`) on a thread of its own: first for commands (IDENTIFY_SYSTEM, the
/// worker's lock, CREATE_REPLICATION_SLOT), then for the stream. It never waits for anybody but the server.
actor ReplicationConnection {
    private let thread = PinnedThread(name: "pg-stream")
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private nonisolated let wakeup = Wakeup()
    private var session: Session?
    private var isStreaming = false
    /// What ended the stream, while frames that came before it are still to be delivered.
    private var ending: (any Error)?
    private var reported = (received: LSN.zero, applied: LSN.zero)

    private init() {}

    /// - Throws: `ServerError`, `CancellationError`.
    static func open(_ target: ConnectionTarget, application: String) async throws -> ReplicationConnection {
        let connection = ReplicationConnection()
        try await connection.connect(target, application)
        return connection
    }

    private func connect(_ target: ConnectionTarget, _ application: String) async throws {
        try await interruptibly {
            $0.session = try Session(target, application: application, isReplication: true, wakeup: $0.wakeup)
        }
    }

    /// Runs `body`, which may block, on this actor's thread, and wakes it up when the task is cancelled. The actor is a
    /// parameter, because a closure that doesn't use `self` is not isolated: it would run, and block, on a thread of
    /// the shared pool.
    private func interruptibly<Value: Sendable>(
        _ body: (isolated ReplicationConnection) throws -> Value
    ) async throws -> Value {
        let wakeup = wakeup
        return try await withTaskCancellationHandler {
            try body(self)
        } onCancel: {
            wakeup.signal()
        }
    }

    var isUsable: Bool { session?.isUsable ?? false }
    var isStarted: Bool { isStreaming }
    var backendPID: Int32 { session?.backendPID ?? 0 }

    /// Runs a replication command or a plain SQL statement (simple protocol: no parameters).
    ///
    /// - Throws: `ServerError`, `CancellationError`.
    @discardableResult
    func run(_ command: String, timeout: Duration? = .seconds(60)) async throws -> QueryResult {
        try await interruptibly { try $0.opened().run(command, [], until: timeout.map { .now + $0 }) }
    }

    /// Runs START_REPLICATION; from here on only `receive`, `sendStatus` and `close`.
    ///
    /// - Throws: `ServerError`, `CancellationError`.
    func start(_ command: String) async throws {
        try await interruptibly {
            try $0.opened().runCopy(command, expecting: PGRES_COPY_BOTH, until: .now + .seconds(60))
            $0.isStreaming = true
        }
    }

    private func opened() throws -> Session {
        guard let session else { throw ServerError(.connection, "closed") }
        return session
    }

    // MARK: - The stream

    /// What a patient `receive` waits for, in bytes: some hundred changes.
    private static let patientBytes: Int32 = 64 << 10
    /// A read that brought less than this has emptied the socket. (Where each read brings one record, of TLS, only one
    /// that brought nothing has.)
    private static let largeRead = 4 << 10

    /// - Throws: `ServerError`; `CancellationError` without losing a frame.
    func receive(maxBytes: Int, isPatient: Bool, until deadline: ContinuousClock.Instant) async throws -> [Frame] {
        try await interruptibly {
            try $0.receive(on: $0.opened(), maxBytes: maxBytes, isPatient: isPatient, until: deadline)
        }
    }

    private func receive(
        on session: Session, maxBytes: Int, isPatient: Bool, until deadline: ContinuousClock.Instant
    ) throws -> [Frame] {
        if let ending { throw ending }
        // Who can't be hurried can't be patient.
        let isPatient = isPatient && wakeup.descriptor >= 0
        session.wakesAt(bytes: isPatient ? ReplicationConnection.patientBytes : 1)
        var frames: [Frame] = []
        var (reads, isOver) = (!isPatient, false)
        while true {
            do {
                if reads { try session.readSocket() }
                try drain(session, into: &frames, maxBytes: maxBytes)
            } catch {
                ending = error
                guard !frames.isEmpty else { throw error }
            }
            if !frames.isEmpty || isOver { return frames }
            let unsent = try !session.flush()
            isOver = try !session.wait(reading: true, writing: unsent, until: deadline, endsOnWakeup: true)
            reads = true
        }
    }

    /// Ends the waiting of a `receive`, this one or the next.
    nonisolated func hurry() { wakeup.signal() }

    /// Takes messages until there is none left, reading the socket again as long as that brings more.
    private func drain(_ session: Session, into frames: inout [Frame], maxBytes: Int) throws {
        var (bytes, bytesRead) = (0, 0)
        let empties = session.readsRecords ? 1 : ReplicationConnection.largeRead
        while bytes < maxBytes {
            switch try session.nextCopyMessage() {
            case .data(let memory, let count):
                frames.append(try ReplicationMessage.frame(memory, count))
                bytes += count
                bytesRead += count
            case .pending where bytesRead < empties: return
            case .pending:
                try session.readSocket()
                bytesRead = 0
            case .ended:
                session.wakesAt(bytes: 1)
                try session.finishCopy()
                throw ServerError(.connection, "the server ended the stream")
            }
        }
    }

    /// Positions never go back, whatever the caller says: a smaller one would be ignored by the server for flush, but
    /// it is a sign of mixed-up positions and stays here.
    ///
    /// - Throws: `ServerError`.
    func sendStatus(received: LSN, applied: LSN) throws {
        if let ending { throw ending }
        let session = try opened()
        reported.received = max(reported.received, received, applied)
        reported.applied = max(reported.applied, applied)
        let message = ReplicationMessage.status(received: reported.received, applied: reported.applied)
        try message.withUnsafeBytes { try session.putCopyData($0) }
    }

    /// Ends the stream in order, for a second at most: sends what is queued, and reads what is still under way.
    /// (Closing a socket with unread data resets it, and the server would lose the last status, which it may not have
    /// read yet.)
    func close() {
        if let session, session.isUsable, isStreaming, ending == nil {
            try? finish(session, until: .now + .seconds(1))
        }
        session = nil
        isStreaming = false
    }

    private func finish(_ session: Session, until deadline: ContinuousClock.Instant) throws {
        session.wakesAt(bytes: 1)
        try session.putCopyEnd()
        while ContinuousClock.now < deadline {
            let unsent = try !session.flush()
            try session.readSocket()
            if try discard(session) { return }
            guard
                try session.wait(reading: true, writing: unsent, until: deadline, ignoringCancellation: true)
            else { return }
        }
    }

    /// Throws away what has arrived; whether that was the end of the stream.
    private func discard(_ session: Session) throws -> Bool {
        while true {
            switch try session.nextCopyMessage() {
            case .data(let memory, _): PQfreemem(memory)
            case .pending: return false
            case .ended: return true
            }
        }
    }
}
