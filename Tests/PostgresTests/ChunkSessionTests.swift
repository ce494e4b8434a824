import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

@Suite("Chunks, and what happens to their tables and sessions", .onServers)
struct ChunkSessionTests {
    private static let numbers = """
        CREATE TABLE t (id int PRIMARY KEY, note text);
        INSERT INTO t SELECT n, 'n' || n FROM generate_series(1, 1000) n;
        """

    private func expectFailure(
        _ kind: Failure.Kind, at location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async {
        let failure = await #expect(throws: Failure.self, sourceLocation: location) { try await body() }
        #expect(failure?.kind == kind, sourceLocation: location)
        #expect(failure?.hint != nil, sourceLocation: location)
    }

    @Test(arguments: [
        "ALTER TABLE t ADD extra int", "ALTER TABLE t ALTER id TYPE bigint", "ALTER TABLE t DROP note",
        "ALTER TABLE t RENAME note TO remark",
        "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (note)",
        "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, note text)",
    ])
    func aTableThatWasChanged(_ statement: String) async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        func start(_ table: ChunkFixture.Table) async throws {
            let range = KeyRange(through: [table.key == ["id"] ? "500" : "n500"])
            _ = try await reader.start(table.version, key: table.key, range: range, limit: 5, where: nil)
        }
        try await start(table)
        #expect(try await fixture.rest(reader).count == 5)
        try await fixture.cluster.psql(statement)
        await expectFailure(.copyInterrupted) { try await start(table) }
        await fixture.source.close()
        let changed = try await fixture.table()
        try await start(changed)
        #expect(try await fixture.rest(reader).count <= 5)
        await reader.close()
        await fixture.close()
    }

    @Test(arguments: ["DROP TABLE t", "ALTER TABLE t RENAME TO u", "ALTER SCHEMA public RENAME TO private"])
    func aTableThatIsGone(_ statement: String) async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        try await fixture.cluster.psql(statement)
        await expectFailure(.copyInterrupted) {
            _ = try await reader.start(table.version, key: table.key, range: KeyRange(), limit: 5, where: nil)
        }
        if statement.hasPrefix("DROP") {
            await expectFailure(.copyInterrupted) {
                _ = try await fixture.source.planSegments(table.version, key: table.key, where: nil)
            }
        }
        await reader.close()
        await fixture.close()
    }

    /// The lock comes before the snapshot: what a rewrite or TRUNCATE did is seen, and its transaction too.
    @Test(arguments: ["TRUNCATE public.t", "VACUUM FULL public.t", "ALTER TABLE public.t ALTER note SET DEFAULT ''"])
    func waitsForALock(_ statement: String) async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        let other = fixture.connection
        if statement.hasPrefix("VACUUM") {
            try await other.query(statement)
        } else {
            try await other.query("BEGIN")
            try await other.query(statement)
        }
        let xid = try await other.query("SELECT txid_current()").scalar.flatMap { UInt64($0) }
        let starting = Task {
            try await reader.start(table.version, key: table.key, range: KeyRange(), limit: 5000, where: nil)
        }
        if !statement.hasPrefix("VACUUM") {
            try await eventually("the reader waits") {
                try await fixture.cluster.psql(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass")
                    == "1"
            }
            try await other.query("COMMIT")
        }
        let start = try await starting.value
        #expect(start.snapshot.sees(try #require(xid)))
        #expect(try await fixture.rest(reader).count == (statement.hasPrefix("TRUNCATE") ? 0 : 1000))
        await reader.close()
        await fixture.close()
    }

    @Test func aLockThatIsNotHad() async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        try await fixture.connection.query("BEGIN")
        try await fixture.connection.query("LOCK TABLE public.t")
        let cancelled = Task {
            try await reader.start(table.version, key: table.key, range: KeyRange(), limit: 5, where: nil)
        }
        try await eventually("the reader waits") {
            try await fixture.cluster.psql(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass")
                == "1"
        }
        cancelled.cancel()
        let result = await cancelled.result
        #expect(throws: CancellationError.self) { try result.get() }
        await expectFailure(.chunkInterrupted) {
            _ = try await reader.start(table.version, key: table.key, range: KeyRange(), limit: 5, where: nil)
        }
        try await fixture.connection.query("ROLLBACK")
        #expect(try await fixture.walk(reader, table) { 500 }.count == 1000)
        await reader.close()
        await fixture.close()
    }

    @Test func aSessionThatIsEnded() async throws {
        let fixture = try await ChunkFixture.make(
            "CREATE TABLE t (id int PRIMARY KEY, note text); "
                + "INSERT INTO t SELECT n, repeat('x', 2000) FROM generate_series(1, 20000) n;")
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        for kind in [Failure.Kind.sourceInterrupted, .chunkInterrupted] {
            _ = try await reader.start(table.version, key: table.key, range: KeyRange(), limit: 50_000, where: nil)
            try await fixture.cluster.psql(
                "SELECT \(kind == .chunkInterrupted ? "pg_cancel_backend" : "pg_terminate_backend")(pid) "
                    + "FROM pg_stat_activity WHERE application_name = 'wherry \(fixture.cluster.database) backfill'")
            await expectFailure(kind) { _ = try await fixture.rest(reader) }
            #expect(try await reader.next(maxBytes: 1).isEmpty)
        }
        #expect(try await fixture.walk(reader, table) { 15_000 }.count == 20_000)
        await reader.close()
        await fixture.close()
    }

    @Test func aServerThatGoesAway() async throws {
        let server = try await PostgresServer.start(directory: SharedServers.directory("postgres-chunks"))
        let cluster = try await TestCluster.make(Self.numbers, on: server)
        let source = try cluster.source()
        let found = try #require(try await source.tables(schemas: ["public"]).first)
        let table = TableVersion(schema: found.schema)
        let reader = try await source.openChunkReader()
        func start() async throws {
            _ = try await reader.start(table, key: ["id"], range: KeyRange(), limit: 5, where: nil)
            while try await !reader.next(maxBytes: 100).isEmpty {}
        }
        try await start()
        try await server.stop(.immediate)
        await expectFailure(.sourceInterrupted) { try await start() }
        await expectFailure(.unreachable) { try await start() }
        // A primary that was shut down can be started as a hot standby, of nobody.
        try await server.start()
        try await start()
        try await server.stop()
        #expect(FileManager.default.createFile(atPath: "\(server.dataDirectory)/standby.signal", contents: nil))
        try await server.start()
        await expectFailure(.sourceInterrupted) { try await start() }
        try await start()
        _ = try await source.currentSnapshot()
        await expectFailure(.configuration) { _ = try await source.emit(token: "x") }
        await expectFailure(.configuration) { _ = try await source.assignTransactionID() }
        await reader.close()
        await source.close()
        try await server.remove()
    }
}
