import CLibPQ
import Glibc

/// One libpq connection in non-blocking mode, used by one actor on its pinned thread: the methods block, but never
/// longer than their deadline, and end early when the calling task is cancelled.
///
/// Not Sendable: it lives and dies with its actor.
final class Session {
    let connection: OpaquePointer
    let wakeup: Wakeup
    private(set) var isBroken = false
    private var leastBytes: Int32 = 1

    /// Connects and pins the session's settings.
    ///
    /// - Throws: `ServerError`, `CancellationError`.
    init(_ target: ConnectionTarget, application: String, isReplication: Bool = false, wakeup: Wakeup) throws {
        let parameters = target.startParameters(application: application, isReplication: isReplication)
        let keywords = parameters.map { strdup($0.0) } + [nil]
        let values = parameters.map { strdup($0.1) } + [nil]
        defer { (keywords + values).forEach { free($0) } }
        let started = keywords.map { UnsafePointer($0) }.withUnsafeBufferPointer { keywords in
            values.map { UnsafePointer($0) }.withUnsafeBufferPointer { values in
                PQconnectStartParams(keywords.baseAddress, values.baseAddress, 0)
            }
        }
        guard let started else { throw ServerError(.connecting, "out of memory") }
        connection = started
        self.wakeup = wakeup
        // Notices would go to stderr, and may quote rows.
        PQsetNoticeProcessor(started, { _, _ in }, nil)
        // The only way to see the SQLSTATE of a refused connection (libpq documentation, PQsetErrorVerbosity).
        PQsetErrorVerbosity(started, PQERRORS_VERBOSE)
        try finishConnecting(until: .now + target.connectTimeout)
        PQsetErrorVerbosity(started, PQERRORS_DEFAULT)
        PQsetnonblocking(started, 1)
        _ = try run(
            SessionSettings.statements(
                serverVersion: serverVersion,
                serverEncoding: PQparameterStatus(connection, "server_encoding").map { String(cString: $0) }),
            [], until: .now + target.connectTimeout)
    }

    deinit { PQfinish(connection) }

    /// `server_version_num`: 150020 is 15.20.
    var serverVersion: Int { Int(PQserverVersion(connection)) }
    var backendPID: Int32 { PQbackendPID(connection) }
    var isUsable: Bool { !isBroken && PQstatus(connection) == CONNECTION_OK }

    private func finishConnecting(until deadline: ContinuousClock.Instant) throws {
        guard PQstatus(connection) != CONNECTION_BAD else { throw connectError() }
        var wants = PGRES_POLLING_WRITING
        while wants != PGRES_POLLING_OK {
            guard wants != PGRES_POLLING_FAILED else { throw connectError() }
            guard
                try wait(
                    reading: wants == PGRES_POLLING_READING, writing: wants == PGRES_POLLING_WRITING, until: deadline)
            else { throw ServerError(.connecting, "no answer in time") }
            wants = PQconnectPoll(connection)
        }
    }

    // MARK: - Waiting

    /// From now on `wait` passes over fewer bytes than these (socket(7), SO_RCVLOWAT: `poll` respects it for TCP, since
    /// Linux 2.6.28). The end of the connection always wakes it.
    func wakesAt(bytes: Int32) {
        if bytes == leastBytes { return }
        leastBytes = bytes
        var value = bytes
        // A socket that doesn't have it wakes at every byte, which is only slower.
        setsockopt(
            PQsocket(connection), SOL_SOCKET, SO_RCVLOWAT, &value, socklen_t(MemoryLayout.size(ofValue: value)))
    }

    /// Whether one read brings one record of TLS or GSSAPI at most (fe-secure.c), which is one message of a walsender, and
    /// says nothing of what is left in the socket.
    var readsRecords: Bool { PQsslInUse(connection) == 1 || PQgssEncInUse(connection) == 1 }

    /// Waits for the socket; false when the deadline came first, or a wakeup that shall end it. Without a deadline only
    /// an event or cancellation ends it.
    ///
    /// - Throws: `CancellationError`, unless `ignoringCancellation`.
    func wait(
        reading: Bool, writing: Bool = false, until deadline: ContinuousClock.Instant?,
        ignoringCancellation: Bool = false, endsOnWakeup: Bool = false
    ) throws -> Bool {
        let events = Int16((reading ? POLLIN : 0) | (writing ? POLLOUT : 0))
        while true {
            if !ignoringCancellation { try Task.checkCancellation() }
            var descriptors = [
                pollfd(fd: PQsocket(connection), events: events, revents: 0),
                pollfd(fd: ignoringCancellation ? -1 : wakeup.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&descriptors, 2, Session.milliseconds(until: deadline))
            if ready > 0, descriptors[1].revents != 0 {
                wakeup.clear()
                // Whatever the socket says: nobody else would tell the caller.
                if endsOnWakeup {
                    try Task.checkCancellation()
                    return false
                }
                if descriptors[0].revents == 0 { continue }
            }
            if ready > 0 { return true }
            if let deadline, deadline <= .now { return false }
        }
    }

    /// For `poll`: rounded up, at most a minute, -1 for ever.
    private static func milliseconds(until deadline: ContinuousClock.Instant?) -> Int32 {
        guard let deadline else { return -1 }
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else { return 0 }
        guard left < .seconds(60) else { return 60_000 }
        return Int32(left / .milliseconds(1)) + 1
    }

    // MARK: - Queries

    /// Runs a statement (or, without parameters, several) and returns the last result, all of it in memory.
    ///
    /// - Throws: `ServerError`; `CancellationError` after the server has been told to stop and has.
    func run(_ sql: String, _ parameters: [String?], until deadline: ContinuousClock.Instant?) throws -> QueryResult {
        try send(sql, parameters)
        var last = QueryResult(columns: [], rows: [])
        var failure: ServerError?
        while let result = try nextResult(until: deadline) {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: last = Session.read(result)
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                isBroken = true
                throw ServerError(.server, "a COPY was started where a query was expected")
            default: failure = failure ?? serverError(result)
            }
        }
        if let failure { throw failure }
        return last
    }

    /// Runs a statement that turns the connection into COPY OUT or COPY BOTH.
    func runCopy(_ sql: String, expecting status: ExecStatusType, until deadline: ContinuousClock.Instant?) throws {
        try send(sql, [])
        guard let result = try nextResult(until: deadline) else { throw lost() }
        defer { PQclear(result) }
        guard PQresultStatus(result) == status else {
            let failure = serverError(result)
            while let extra = try nextResult(until: deadline) { PQclear(extra) }
            throw failure
        }
    }

    private func send(_ sql: String, _ parameters: [String?]) throws {
        try Task.checkCancellation()
        guard isUsable else { throw lost() }
        let sent: Int32
        if parameters.isEmpty {
            sent = PQsendQuery(connection, sql)
        } else {
            let values = parameters.map { $0.flatMap { strdup($0) } }
            defer { values.forEach { free($0) } }
            sent = PQsendQueryParams(
                connection, sql, Int32(values.count), nil, values.map { UnsafePointer($0) }, nil, nil, 0)
        }
        guard sent == 1 else { throw lost() }
    }

    /// The next result of the running command, nil after the last. A command that is cancelled or late is stopped on
    /// the server and drained first, so that the connection stays usable.
    func nextResult(until deadline: ContinuousClock.Instant?) throws -> OpaquePointer? {
        do {
            guard try waitWhileBusy(until: deadline, ignoringCancellation: false) else {
                throw ServerError(.timeout, "no answer in time")
            }
        } catch {
            if isUsable { stopCommand() }
            throw error
        }
        return PQgetResult(connection)
    }

    /// False when the deadline came first.
    private func waitWhileBusy(until deadline: ContinuousClock.Instant?, ignoringCancellation: Bool) throws -> Bool {
        while true {
            let unsent = PQflush(connection)
            guard unsent >= 0 else { throw lost() }
            if unsent == 0, PQisBusy(connection) == 0 { return true }
            guard
                try wait(
                    reading: true, writing: unsent == 1, until: deadline, ignoringCancellation: ignoringCancellation)
            else { return false }
            guard PQconsumeInput(connection) == 1 else { throw lost() }
        }
    }

    /// Cancels the running command and reads what is left of it; a connection that doesn't come to rest is given up.
    private func stopCommand() {
        cancelOnServer()
        let deadline = ContinuousClock.now + .seconds(5)
        do {
            while try waitWhileBusy(until: deadline, ignoringCancellation: true) {
                guard let result = PQgetResult(connection) else { return }
                let status = PQresultStatus(result)
                PQclear(result)
                if status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH { break }
            }
        } catch {}
        isBroken = true
    }

    func cancelOnServer() {
        guard let handle = PQgetCancel(connection) else { return }
        var message = [CChar](repeating: 0, count: 256)
        PQcancel(handle, &message, Int32(message.count))
        PQfreeCancel(handle)
    }

    func giveUp() { isBroken = true }

    private static func read(_ result: OpaquePointer) -> QueryResult {
        let columns = (0..<PQnfields(result)).map { String(cString: PQfname(result, $0)) }
        var isUTF8 = true
        let rows = (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column -> String? in
                guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                    return nil
                }
                if let text = String(validatingCString: value) { return text }
                isUTF8 = false
                return String(cString: value)
            }
        }
        let tag = PQcmdStatus(result).map { String(cString: $0) } ?? ""
        return QueryResult(columns: columns, rows: rows, isUTF8: isUTF8, commandTag: tag)
    }
}
