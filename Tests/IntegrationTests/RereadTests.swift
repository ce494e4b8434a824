import BSON
import DevServers
import Model
import Mongo
import Postgres
import Replication
import TestSupport
import Testing

/// Rows of which the stream leaves out what their documents are made of: read again beside it, from real servers.
@Suite(.onServers) struct RereadTests {
    private static let table = """
        CREATE TABLE public.items (id integer PRIMARY KEY, version bigint NOT NULL, large text);
        ALTER TABLE public.items ALTER COLUMN large SET STORAGE EXTERNAL;
        INSERT INTO public.items SELECT g, 1, repeat(md5(g::text), 100) FROM generate_series(1, 60) g
        """

    private struct Setting {
        let fixture: PipelineFixture
        let pool: MongoPool
        var settings: PipelineSettings

        func start() async throws -> OracleRun { try await OracleRun(settings, fixture, pool) }

        func rereads() async throws -> [BSONDocument] {
            try await fixture.inspector.documents("rereads", on: fixture.stateDatabase)
        }

        func documents() async throws -> [BSONDocument] { try await fixture.inspector.documents("items") }

        func catchUp(_ run: OracleRun) async throws {
            let mark = try await fixture.mark()
            try await run.waitUntil("all is applied") { [fixture] progress in
                guard progress.applied >= mark else { return false }
                return try await fixture.hasEveryRow()
            }
        }
    }

    private func setting(_ own: PipelineFixture? = nil) async throws -> Setting {
        let fixture = if let own { own } else { try await PipelineFixture("reread") }
        try await fixture.sql(RereadTests.table)
        var settings = fixture.settings
        settings.readAgain(["items"], without: "large")
        let pool = try MongoPool(uri: fixture.targetURI, applicationName: fixture.applicationName)
        return Setting(fixture: fixture, pool: pool, settings: settings)
    }

    /// Sessions that read beside the stream.
    private func readers(_ fixture: PipelineFixture) async throws -> String? {
        try await fixture.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", [fixture.applicationName + " backfill"]
        ).scalar
    }

    /// The changes are in the stream, and no snapshot sees them: a synchronous standby that never answers holds their
    /// transaction there, over the end of a worker.
    @Test func nothingIsShownOfARowBeforeItsChangeIsReadAndNothingIsLostWithTheWorker() async throws {
        try await PipelineFixture.withOwnServers("rereadgap", postgres: [:]) { fixture in
            try await fixture.sql("ALTER DATABASE \(fixture.name) SET synchronous_commit = local")
            let setting = try await setting(fixture)
            var run = try await setting.start()
            try await setting.catchUp(run)
            let before = try await setting.documents().filter { $0["_id"] != 60 }
            let commit = try await hang(
                """
                UPDATE public.items SET version = 2 WHERE id <= 30;
                UPDATE public.items SET id = 100, version = 3 WHERE id = 60
                """, fixture)
            for _ in 1...2 {
                let mark = try await fixture.mark()
                try await run.waitUntil("the changes are applied") { $0.applied >= mark }
                try await run.waitUntil("it tries to read them") { progress in
                    progress.backfill.rowsReadAgain > 0 || progress.backfill.fenceWaits > 0
                }
                #expect(try await setting.rereads().count == 31)
                #expect(try await setting.documents() == before)
                await run.cancel()
                run = try await setting.start()
            }
            try await run.waitUntil("a snapshot has to pass first") { $0.backfill.fenceWaits > 0 }
            #expect(try await setting.documents() == before)
            try await fixture.sql("ALTER SYSTEM RESET synchronous_standby_names")
            try await fixture.sql("SELECT pg_reload_conf()")
            try await commit.value
            try await setting.catchUp(run)
            #expect(try await fixture.compare() == [])
            // And then it rests.
            try await run.waitUntil("nobody reads") { _ in try await readers(fixture) == "0" }
            try await run.stop()
        }
    }

    /// Commits in a session of its own; returns when the server waits for the standby.
    private func hang(_ statements: String, _ fixture: PipelineFixture) async throws -> Task<Void, any Error> {
        try await fixture.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try await fixture.sql("SELECT pg_reload_conf()")
        let session = try await fixture.connect()
        let commit = Task {
            _ = try await session.query("SET synchronous_commit = on; BEGIN; \(statements); COMMIT")
            await session.close()
        }
        try await waitUntil("the commit hangs") {
            try await fixture.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").scalar == "1"
        }
        return commit
    }

    @Test func underLoadNoDocumentGoesBack() async throws {
        let setting = try await setting()
        let fixture = setting.fixture
        let run = try await setting.start()
        try await setting.catchUp(run)
        let isOver = StopSignal()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var seen: [BSONValue: Int64] = [:]
                while !isOver.isStopped {
                    for document in try await setting.documents() {
                        guard let id = document["_id"], let version = document["version"]?.asInt64 else { continue }
                        #expect(version >= seen[id] ?? 0)
                        #expect(document["large"]?.asString?.isEmpty == false)
                        seen[id] = version
                    }
                }
            }
            for session in 1...3 {
                group.addTask {
                    let connection = try await fixture.connect()
                    for number in 1...60 {
                        let large = number % 5 == 0 ? ", large = repeat(md5('\(number)'), 100)" : ""
                        _ = try await connection.query(
                            "UPDATE public.items SET version = version + 1\(large) WHERE id % 7 = \(session)")
                    }
                    await connection.close()
                }
            }
            for _ in 1...3 { try await group.next() }
            try await setting.catchUp(run)
            isOver.stop()
            try await group.waitForAll()
        }
        #expect(run.progress.snapshot().backfill.rowsReadAgain > 0)
        #expect(try await fixture.compare() == [])
        try await run.stop()
    }

    /// What is to be read again belongs to what was written before the call.
    @Test func aRunUntilItHasCaughtUpEndsWithEveryRowRead() async throws {
        var setting = try await setting()
        let first = try await setting.start()
        try await setting.catchUp(first)
        try await first.stop()
        setting.settings.end = .caughtUp
        for version in 2...4 {
            try await setting.fixture.sql("UPDATE public.items SET version = \(version)")
            let run = try await setting.start()
            try await run.end()
            #expect(try await setting.fixture.compare() == [])
            #expect(try await setting.rereads().isEmpty)
        }
    }
}
