import BSON
import DevServers
import Postgres
import TestSupport
import Testing

/// The backfill beside the stream.
@Suite(.onBusyServers) struct LiveBackfillTests {
    private let live = BatchSizes(operations: 150, backfill: "live")

    @Test func anIdleSourceIsCopied() async throws {
        let fixture = try await PipelineFixture("live")
        try await Workload.createTables(fixture, rows: 30_000)
        try await fixture.sql("CREATE TABLE public.empty (id integer PRIMARY KEY)")
        let run = try await fixture.catchUp(limits: live)
        #expect(run.log.contains("backfill finished"))
        #expect(try await fixture.compare() == [])
    }

    /// Chunks that have grown on narrow rows meet wide ones: too many bytes for one.
    @Test func wideRowsMakeChunksSmaller() async throws {
        let fixture = try await PipelineFixture("live")
        try await fixture.sql(
            """
            CREATE TABLE public.pages (id integer PRIMARY KEY, body text);
            ALTER TABLE public.pages ALTER COLUMN body SET STORAGE EXTERNAL;
            INSERT INTO public.pages SELECT g, 'narrow' FROM generate_series(1, 3000) g;
            INSERT INTO public.pages SELECT g, repeat(md5(g::text), 32768) FROM generate_series(3001, 3060) g;
            """)
        let run = try await fixture.catchUp(limits: live)
        #expect(run.log.contains("backfill finished"))
        #expect(try await fixture.compare() == [])
    }

    @Test func underLoadEveryRowArrivesAndNoneGoesBack() async throws {
        let fixture = try await PipelineFixture("live")
        try await Workload.createTables(fixture, rows: 30_000)
        let workload = Workload(fixture, seed: 3)
        let violations = try await VersionWatcher.watching(fixture) { _ in
            try await workload.working {
                let wherry = try fixture.wherry(limits: live)
                try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
                #expect(try await wherry.terminate().code == 0)
            }
            try await fixture.catchUp(limits: live)
            #expect(try await fixture.compare() == [])
        }
        #expect(violations == [])
    }

    /// What is written stays, and no start begins anew.
    @Test func killedAgainAndAgainItGoesOnAtTheChunk() async throws {
        let fixture = try await PipelineFixture("live")
        try await Workload.createTables(fixture, rows: 60_000)
        let workload = Workload(fixture, seed: 4)
        var generator = SeededGenerator(seed: 4)
        let chunks = BatchSizes(operations: 150, backfill: "live", chunkRows: 100, rowsPerSecond: 4000)
        func state() async throws -> BSONDocument? {
            try await fixture.tableState("items")?["backfill"]?.asDocument
        }
        let violations = try await VersionWatcher.watching(fixture) { _ in
            try await workload.working {
                var (rows, begin) = (0, BSONValue?.none)
                for _ in 1...6 {
                    let wherry = try fixture.wherry(limits: chunks)
                    try await fixture.waitUntil("more rows are there", wherry) {
                        try await state()?["rows"]?.asInt ?? 0 > rows
                    }
                    // The moment is to be any.
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...200, using: &generator)))
                    try await wherry.kill()
                    let killed = try #require(try await state())
                    #expect(begin == nil || killed["started_at"] == begin)
                    (rows, begin) = (killed["rows"]?.asInt ?? 0, killed["started_at"])
                }
                #expect(rows < 60_000, "too fast to say anything")
            }
            try await fixture.catchUp(limits: live)
            #expect(try await fixture.compare() == [])
        }
        #expect(violations == [])
    }

    @Test func serversMayGoAwayAndComeBack() async throws {
        try await PipelineFixture.withOwnServers("liverestart", postgres: [:]) { fixture in
            try await Workload.createTables(fixture, rows: 30_000)
            let workload = Workload(fixture, seed: 5)
            let chunks = BatchSizes(operations: 150, backfill: "live", chunkRows: 40)
            let violations = try await VersionWatcher.watching(fixture) { _ in
                let wherry = try fixture.wherry(limits: chunks)
                try await workload.working {
                    for interruption in Interruption.allCases {
                        let before = wherry.latest("rows_copied")?.int("rows_copied") ?? 0
                        try await wherry.waitForLine("chunks are written") { $0.int("rows_copied") ?? 0 > before }
                        try await interruption.happen(to: fixture)
                        #expect(!wherry.log.contains("backfill finished"), "too late to say anything")
                    }
                    try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
                }
                try await fixture.waitUntilCaughtUp(wherry)
                #expect(try await fixture.compare() == [])
                #expect(workload.interruptions > 0)
                #expect(try await wherry.terminate().code == 0)
            }
            #expect(violations == [])
        }
    }

    /// All readers at once within one table: a lock stops each at a chunk of its own.
    @Test func severalReadersWorkOnOneTable() async throws {
        let fixture = try await PipelineFixture("readers")
        try await fixture.sql(
            """
            CREATE TABLE public.items (id integer PRIMARY KEY, name text);
            INSERT INTO public.items SELECT g, 'n' || g FROM generate_series(1, 40000) g;
            ANALYZE public.items
            """)
        let slow = BatchSizes(backfill: "live", chunkRows: 100, rowsPerSecond: 5000)
        let wherry = try fixture.wherry(["--workers", "3"], limits: slow)
        try await fixture.waitUntil("rows are read", wherry) {
            try await fixture.tableState("items")?["backfill"]?.asDocument?["rows"]?.asInt ?? 0 > 0
        }
        let other = try await fixture.connect()
        try await other.query("BEGIN")
        try await other.query("LOCK TABLE public.items IN ACCESS EXCLUSIVE MODE")
        try await fixture.waitUntil("three readers wait for their chunks", wherry, within: .seconds(30)) {
            let waiting = try await fixture.sql(
                """
                SELECT count(DISTINCT a.pid) FROM pg_stat_activity a JOIN pg_locks l USING (pid)
                 WHERE a.application_name = $1 AND NOT l.granted AND l.relation = 'public.items'::regclass
                """, ["\(fixture.applicationName) backfill"])
            return waiting.scalar == "3"
        }
        try await other.query("ROLLBACK")
        await other.close()
        try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }

    private enum Interruption: CaseIterable {
        case targetStops, targetDies, sourceStops, sourceDies

        func happen(to fixture: PipelineFixture) async throws {
            switch self {
            case .targetStops: try await fixture.mongo.restart()
            case .targetDies:
                try await fixture.mongo.kill9()
                try await fixture.mongo.start()
            case .sourceStops: try await fixture.postgres.restart(.fast)
            case .sourceDies:
                try await fixture.postgres.kill9()
                try await fixture.postgres.start()
            }
        }
    }
}
