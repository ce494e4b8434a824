import DevServers
import Model
import Postgres
import TestSupport
import Testing

@Suite("Connections", .onServers)
struct ConnectionTests {
    @Test func valuesNullsAndParameters() async throws {
        let cluster = try await TestCluster.make()
        let connection = try await cluster.connection()
        let result = try await connection.query("SELECT $1::int + 1 AS sum, $2::text AS word", ["41", nil])
        #expect(result.columns == ["sum", "word"])
        #expect(result.rows == [["42", nil]])
        await connection.close()
    }

    /// Whatever server, database and role say.
    @Test func settingsArePinned() async throws {
        let cluster = try await TestCluster.make()
        try await cluster.psql(
            """
            ALTER DATABASE \(cluster.database) SET TimeZone = 'Asia/Tokyo';
            ALTER DATABASE \(cluster.database) SET DateStyle = 'German';
            ALTER DATABASE \(cluster.database) SET IntervalStyle = 'sql_standard';
            ALTER DATABASE \(cluster.database) SET bytea_output = 'escape';
            ALTER DATABASE \(cluster.database) SET extra_float_digits = -5;
            ALTER DATABASE \(cluster.database) SET statement_timeout = '10s';
            ALTER DATABASE \(cluster.database) SET synchronous_commit = 'on';
            """)
        let connection = try await cluster.connection()
        let values = try await connection.query(
            """
            SELECT '2026-01-02 03:04:05+00'::timestamptz, '1 day 2 hours'::interval, '\\x00ff'::bytea, 0.1::float8 + 0.2,
                   current_setting('statement_timeout'), current_setting('synchronous_commit'),
                   current_setting('search_path'), current_setting('row_security')
            """)
        #expect(
            values.rows[0] == [
                "2026-01-02 03:04:05+00", "P1DT2H", "\\x00ff", "0.30000000000000004", "0", "local", "\"\"", "off",
            ])
        await connection.close()
    }

    @Test func cancellationStopsTheStatementOnTheServer() async throws {
        let cluster = try await TestCluster.make()
        let connection = try await cluster.connection()
        let sleeping = Task { try await connection.query("SELECT pg_sleep(600)", timeout: nil) }
        try await eventually("the statement runs") {
            try await cluster.psql(
                "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'"
                    + " AND datname = current_database()") == "1"
        }
        let started = ContinuousClock.now
        sleeping.cancel()
        let result = await sleeping.result
        #expect(throws: CancellationError.self) { try result.get() }
        #expect(ContinuousClock.now - started < .seconds(5))
        #expect(try await connection.query("SELECT 1").scalar == "1")
        await connection.close()
    }

    /// Many more waiting statements than the shared pool has threads.
    @Test func waitingBlocksNobodyElse() async throws {
        let cluster = try await TestCluster.make()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<16 {
                let plain = try await cluster.connection()
                group.addTask { _ = try await plain.query("SELECT pg_sleep(600)", timeout: nil) }
            }
            try await eventually("all of them wait") {
                try await cluster.psql(
                    "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'"
                        + " AND datname = current_database()") == "16"
            }
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.waitForAll() }
        }
    }

    @Test func aStatementThatIsLate() async throws {
        let cluster = try await TestCluster.make()
        let connection = try await cluster.connection()
        let failure = await #expect(throws: Failure.self) {
            try await connection.query("SELECT pg_sleep(600)", timeout: .milliseconds(100))
        }
        #expect(failure?.kind == .sourceInterrupted)
        #expect(try await connection.query("SELECT 1").scalar == "1")
        await connection.close()
    }

    @Test func aWrongPasswordIsDeniedAndNotShown() async throws {
        let cluster = try await TestCluster.make()
        let role = "guard_\(cluster.database)"
        try await cluster.psql("CREATE ROLE \(role) LOGIN REPLICATION PASSWORD 'right'")
        try cluster.server.requirePassword(of: [role])
        let uri = cluster.server.uri(user: role, password: "tell-nobody", database: cluster.database)
        try await eventually("the new rule is in force") {
            do {
                await (try await PostgresConnection.open(uri)).close()
                return false
            } catch {
                return true
            }
        }
        let failure = await #expect(throws: Failure.self) { _ = try await PostgresConnection.open(uri) }
        #expect(failure?.kind == .denied)
        #expect(failure?.description.contains("tell-nobody") == false)
        #expect(failure?.message.contains(role) == true)
        let missing = cluster.server.uri(user: role, database: cluster.database)
        let none = await #expect(throws: Failure.self) { _ = try await PostgresConnection.open(missing) }
        #expect(none?.kind == .denied)
        let source = try cluster.source(uri: uri)
        let findings = try await source.preflight(PreflightScope(schemas: ["public"]))
        #expect(findings.map(\.code) == ["source_denied"])
        #expect(findings.allSatisfy { $0.kind == .denied })
    }

    @Test func nobodyThereAndNoSuchDatabase() async throws {
        let cluster = try await TestCluster.make()
        let gone = await #expect(throws: Failure.self) {
            _ = try await PostgresConnection.open("postgres://ann:s3cret@127.0.0.1:1/shop")
        }
        #expect(gone?.kind == .unreachable)
        #expect(gone?.message.contains("127.0.0.1:1") == true)
        #expect(gone?.description.contains("s3cret") == false)
        let wrong = await #expect(throws: Failure.self) {
            _ = try await PostgresConnection.open(cluster.server.uri(database: "no_such"))
        }
        #expect(wrong?.kind == .configuration)
    }

    @Test func aLostControlConnectionIsOpenedAgain() async throws {
        let cluster = try await TestCluster.make()
        let source = try cluster.source()
        let before = try await source.emitHeartbeat()
        let pid = try await source.control().backendPID
        try await cluster.psql("SELECT pg_terminate_backend(\(pid))")
        #expect(try await source.emitHeartbeat() > before)
        await source.close()
    }
}
