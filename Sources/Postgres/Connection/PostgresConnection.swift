import Model
import PinnedThread

/// An ordinary connection on a thread of its own. Calls run one after the other; each ends early when its task is
/// cancelled, and the command is then stopped on the server too.
package actor PostgresConnection {
    private let thread = PinnedThread(name: "pg-control")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    package nonisolated let target: ConnectionTarget
    private let application: String
    private let wakeup = Wakeup()
    private var session: Session?

    private init(_ target: ConnectionTarget, application: String) {
        self.target = target
        self.application = application
    }

    /// Connects to `uri` (a URI or `key=value` pairs).
    ///
    /// - Parameter application: Shown in `pg_stat_activity`.
    /// - Throws: `Failure` of kind `.unreachable`, `.denied`, `.configuration`, `.sourceInterrupted`.
    package static func open(_ uri: String, application: String = "wherry") async throws -> PostgresConnection {
        try await open(ConnectionTarget(uri), application: application)
    }

    static func open(_ target: ConnectionTarget, application: String) async throws -> PostgresConnection {
        let connection = PostgresConnection(target, application: application)
        try await connection.connect()
        return connection
    }

    private func connect() async throws {
        let wakeup = wakeup
        try await withTaskCancellationHandler {
            do {
                session = try Session(target, application: application, wakeup: wakeup)
            } catch let error as ServerError {
                throw error.failure(doing: "connect", at: target)
            }
        } onCancel: {
            wakeup.signal()
        }
    }

    /// Runs one statement; parameters (`$1`…) and results are in text form.
    ///
    /// - Parameter timeout: After it the statement is cancelled on the server.
    /// - Throws: `Failure`; `CancellationError`.
    @discardableResult
    package func query(
        _ sql: String, _ parameters: [String?] = [], timeout: Duration? = .seconds(60),
        doing action: String = "ask the source"
    ) async throws -> QueryResult {
        do {
            return try await attempt(sql, parameters, timeout: timeout).get()
        } catch let error as ServerError {
            throw error.failure(doing: action, at: target)
        }
    }

    /// The same, for callers that look at the SQLSTATE.
    ///
    /// - Throws: `CancellationError` only.
    func attempt(
        _ sql: String, _ parameters: [String?] = [], timeout: Duration? = .seconds(60)
    ) async throws -> Result<QueryResult, ServerError> {
        guard let session else { return .failure(ServerError(.connection, "closed")) }
        let wakeup = wakeup
        return try await withTaskCancellationHandler {
            do {
                return .success(try session.run(sql, parameters, until: timeout.map { .now + $0 }))
            } catch let error as ServerError {
                return .failure(error)
            }
        } onCancel: {
            wakeup.signal()
        }
    }

    /// Whether the next statement has a chance: a lost connection stays lost.
    package var isUsable: Bool { session?.isUsable ?? false }
    package var serverVersion: Int { session?.serverVersion ?? 0 }
    package var backendPID: Int32 { session?.backendPID ?? 0 }

    package func close() { session = nil }
}
