import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// A pipeline whose slot decodes with wal2json.
@Suite(.onBusyServers) struct Wal2JSONTests {
    private let chunks = BatchSizes(
        operations: 150, backfill: "live", chunkRows: 200, rowsPerSecond: 6000, plugin: .wal2json)
    private let fast = BatchSizes(operations: 150, backfill: "live", plugin: .wal2json)

    @Test func killedAgainAndAgainItLosesNothing() async throws {
        let fixture = try await PipelineFixture("json")
        try await Workload.createTables(fixture, rows: 20_000)
        try await fixture.sql(
            """
            CREATE TABLE public.numbers (id integer PRIMARY KEY, f double precision, n numeric);
            INSERT INTO public.numbers VALUES (1, 'NaN', 'NaN'), (2, NULL, '-Infinity'), (3, 1, NULL);
            """)
        let workload = Workload(fixture, seed: 7)
        var generator = SeededGenerator(seed: 7)
        let violations = try await VersionWatcher.watching(fixture) { _ in
            try await workload.working {
                for round in 1...6 {
                    let wherry = try fixture.wherry(limits: round < 4 ? chunks : fast)
                    try await wherry.waitForLine("changes are applied") { $0.int("changes") ?? 0 > 0 }
                    try await fixture.sql(
                        """
                        INSERT INTO public.numbers VALUES (\(round * 10), 'Infinity', 'NaN'), (\(round * 10 + 1), NULL, NULL);
                        UPDATE public.numbers SET f = CASE f WHEN 'NaN' THEN 2 ELSE 'NaN'::float8 END WHERE id < 4;
                        """)
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &generator)))
                    try await wherry.kill()
                }
                try await fixture.sql("TRUNCATE public.pairs")
            }
            try await fixture.catchUp(limits: fast)
            let differences = try await fixture.compare()
            #expect(differences == [], "\(differences)")
        }
        #expect(violations == [])
        let slot = try await fixture.sql("SELECT plugin FROM pg_replication_slots WHERE database = $1", [fixture.name])
        #expect(slot.scalar == "wal2json")
    }

    @Test func thePluginIsDecidedAtTheFirstStart() async throws {
        let fixture = try await PipelineFixture("json")
        try await fixture.makeItems()
        try await fixture.catchUp(limits: fast)
        let refusal = try await fixture.refused(78, "started with plugin wal2json, not pgoutput")
        #expect(refusal.hint.contains("Put wal2json back"))
        try await fixture.catchUp(limits: fast)
    }

    @Test func aServerThatDoesNotAllowIt() async throws {
        try await PipelineFixture.withOwnServers("jsonset", postgres: [:]) { fixture in
            guard
                try await fixture.sql("SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'").scalar
                    == "1"
            else { return }
            func allow(_ plugins: String) async throws {
                try await fixture.postgres.configure(["wal_level": "logical", "output_plugin_libraries": plugins])
                try await waitUntil("the setting is read", within: .seconds(60)) {
                    try await fixture.sql("SHOW output_plugin_libraries").scalar == plugins
                }
            }
            try await fixture.makeItems()
            try await allow("pgoutput")
            let first = try await fixture.refused(78, "output_plugin_libraries doesn't allow wal2json", limits: fast)
            #expect(first.hint.contains("output_plugin_libraries = pgoutput, wal2json;"))
            try await allow("pgoutput, wal2json")
            try await fixture.catchUp(limits: fast)
            // Later only the server says it.
            try await allow("pgoutput")
            let later = try await fixture.refused(78, "doesn't allow the output plugin wal2json", limits: fast)
            #expect(later.hint.contains("ALTER SYSTEM SET output_plugin_libraries"))
            try await allow("pgoutput, wal2json")
            try await fixture.catchUp(limits: fast)
            #expect(try await fixture.compare() == [])
        }
    }
}
