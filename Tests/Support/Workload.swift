import Model
import Postgres
import Synchronization

/// Seeded random work on several sessions at once: inserts, updates (also such that leave large values alone), deletes,
/// key changes, transactions of several rows, now and then a large one, one that is rolled back, or one with
/// savepoints.
///
/// Every row has a `version` from one sequence. Each session works on keys of its own, so that a newer state of a key
/// always has a larger version.
package final class Workload: Sendable {
    /// The tables it works on.
    package static let versioned = ["items", "pairs"]

    private struct State {
        var isPaused = false
        var working = 0
        var transactions = 0
        var interruptions = 0
    }

    private let uri: String
    private let seed: UInt64
    private let sessions: Int
    private let pace: Duration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - seed: the same seed does the same work (in the same order within a session).
    ///   - pace: a session's pause between two transactions, on average.
    package init(_ fixture: PipelineFixture, seed: UInt64, sessions: Int = 4, pace: Duration = .milliseconds(8)) {
        uri = fixture.sourceURI
        self.seed = seed
        self.sessions = sessions
        self.pace = pace
    }

    package var transactions: Int { state.withLock { $0.transactions } }
    /// How often a session lost its connection.
    package var interruptions: Int { state.withLock { $0.interruptions } }

    /// Makes the tables, with `rows` rows in `items`.
    package static func createTables(_ fixture: PipelineFixture, rows: Int = 400) async throws {
        try await fixture.sql(
            """
            CREATE SEQUENCE public.versions;
            CREATE TABLE public.items (
                id bigint PRIMARY KEY, version bigint NOT NULL, name text, quantity integer, price numeric(12,2),
                ratio double precision, flag boolean, tags text[], updated timestamptz NOT NULL DEFAULT clock_timestamp(),
                payload text);
            ALTER TABLE public.items ALTER COLUMN payload SET STORAGE EXTERNAL;
            CREATE TABLE public.pairs (
                tenant integer, code text, version bigint NOT NULL, body text, amount numeric(20,4), token uuid,
                content bytea, payload text, PRIMARY KEY (tenant, code));
            ALTER TABLE public.pairs ALTER COLUMN payload SET STORAGE EXTERNAL;
            INSERT INTO public.items (id, version, name, quantity, price, tags, payload)
            SELECT g, nextval('public.versions'), 'item ' || g, g, g / 7.0, ARRAY['a', NULL, 'b' || g],
                   CASE WHEN g % 4 = 0 THEN repeat(md5(g::text), 300) END
            FROM generate_series(1, \(rows)) g;
            """)
    }

    /// Works while `body` runs; then every session finishes its transaction.
    ///
    /// - Throws: what `body` throws; a `Failure` of the source that is not a lost connection.
    package func working<Result>(during body: () async throws -> Result) async throws -> Result {
        try await inSessions(sessions, { try await self.work($0) }, during: body)
    }

    /// Runs `body` while no transaction is open.
    package func pausing<Result>(during body: () async throws -> Result) async throws -> Result {
        state.withLock { $0.isPaused = true }
        defer { state.withLock { $0.isPaused = false } }
        while state.withLock({ $0.working }) > 0 { try await Task.sleep(for: .milliseconds(5)) }
        return try await body()
    }

    private func work(_ number: Int) async throws {
        let session = SourceSession(uri: uri)
        var maker = WorkloadTransaction(session: number, of: sessions, seed: seed)
        while !Task.isCancelled {
            if begin() {
                let text = maker.next()
                // In a task of its own: the end of the test doesn't cancel a statement half-way.
                let outcome = await Task { try await session.run(text, []) }.result
                end(outcome)
                if case .failure(let error) = outcome {
                    guard let failure = error as? Failure,
                        [.sourceInterrupted, .unreachable].contains(failure.kind)
                    else { throw error }
                    try? await Task.sleep(for: .milliseconds(100))
                    continue
                }
            }
            try? await Task.sleep(for: pace * Double.random(in: 0...2, using: &maker.generator))
        }
    }

    private func begin() -> Bool {
        state.withLock { state in
            if state.isPaused { return false }
            state.working += 1
            return true
        }
    }

    private func end(_ outcome: Result<QueryResult, any Error>) {
        state.withLock { state in
            state.working -= 1
            if case .success = outcome { state.transactions += 1 } else { state.interruptions += 1 }
        }
    }
}
