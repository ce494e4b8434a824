import Model
import Postgres
import TestSupport

/// One session of a seed's load. It outlives the seed: connecting costs more than a seed's work.
struct OracleSession: Sendable {
    private let connection: PostgresConnection
    /// Ends the waiting of commits in the gap.
    private let canceller: PostgresConnection
    private let backend: Int32

    /// What a session may be told: somebody else was faster, or waits for us.
    private static let expected = ["SQLSTATE 23505", "deadlock detected", "lock timeout", "user request"]

    init(_ fixture: PipelineFixture, opensGaps: Bool, canceller: PostgresConnection) async throws {
        connection = try await fixture.connect()
        self.canceller = canceller
        backend = await connection.backendPID
        try await connection.query("SET synchronous_commit = \(opensGaps ? "on" : "local"); SET lock_timeout = '60ms'")
    }

    /// - Parameter gap: told of a commit in the gap; it stays there while the gap is held.
    func run(_ transaction: OracleTransaction, gap: OracleGap) async throws {
        do {
            for step in transaction.steps {
                switch step {
                case .run(let statements): try await connection.query(statements)
                case .pause(let duration): try await Task.sleep(for: duration)
                }
            }
            switch transaction.end {
            case .commit: try await connection.query("COMMIT")
            case .rollback: try await connection.query("ROLLBACK")
            case .commitInGap(let duration): try await commit(in: gap, for: duration)
            }
        } catch let failure as Failure {
            guard OracleSession.expected.contains(where: failure.message.contains) else { throw failure }
            try await connection.query("ROLLBACK")
        }
    }

    /// Ends what a seed that failed has left open.
    func reset() async throws { try await connection.query("ROLLBACK") }

    /// Commits; the server has written it by then, waits for the standby, and shows it once the waiting is cancelled.
    private func commit(in gap: OracleGap, for duration: Duration) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await connection.query("COMMIT")
                return true
            }
            group.addTask {
                try await Task.sleep(for: duration)
                await gap.waitUntilReleased()
                return false
            }
            defer { group.cancelAll() }
            while let hasCommitted = try await group.next(), !hasCommitted {
                try await canceller.query("SELECT pg_catalog.pg_cancel_backend(\(backend))")
                group.addTask {
                    // It may not have waited yet.
                    try await Task.sleep(for: .milliseconds(20))
                    return false
                }
            }
        }
    }
}
