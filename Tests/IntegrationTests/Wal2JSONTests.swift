import BSON
import DevServers
import Foundation
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

    /// Whatever the first change of a table is that the stream brings after it is gone.
    @Test func tablesThatWereDroppedMeanwhile() async throws {
        let fixture = try await PipelineFixture("json")
        let changes = [
            "inserted": "INSERT INTO public.inserted VALUES (3, now(), 'new')",
            "updated": "UPDATE public.updated SET note = 'new' WHERE id = 1",
            "deleted": "DELETE FROM public.deleted WHERE id = 1", "truncated": "TRUNCATE public.truncated",
        ]
        try await fixture.sql("CREATE TABLE public.stays (id integer PRIMARY KEY)")
        for table in changes.keys {
            try await fixture.sql(
                """
                CREATE TABLE public.\(table) (id integer PRIMARY KEY, changed timestamptz, note text, large text);
                ALTER TABLE public.\(table) ALTER large SET STORAGE EXTERNAL;
                INSERT INTO public.\(table) SELECT g, now(), 'old', repeat('x', 5000) FROM generate_series(1, 2) g
                """)
        }
        let collections = changes.keys.map { "\($0): { from: public.\($0), last_modified: changed, dual_write: true }" }
        let file = "\(fixture.folder)/dropped.yaml"
        try """
        source: { plugin: wal2json }
        collections:
          stays: { from: public.stays }
          \(collections.joined(separator: "\n  "))
        """.write(toFile: file, atomically: true, encoding: .utf8)
        try await fixture.catchUp(arguments: ["--config", file])
        for (table, change) in changes {
            try await fixture.sql(change)
            try await fixture.sql("DROP TABLE public.\(table)")
        }
        try await fixture.sql("INSERT INTO public.stays VALUES (1)")
        try await fixture.catchUp(arguments: ["--config", file])
        #expect(try await fixture.compare() == [])
        var left: [String: [String]] = [:]
        for table in changes.keys {
            left[table] = try await fixture.inspector.documents(table).map { document in
                "\(document["_id"]?.asInt64 ?? 0) \(document["note"]?.asString ?? "") "
                    + "\(document["large"]?.asString?.utf8.count ?? 0)"
            }
        }
        #expect(
            left == [
                "inserted": ["1 old 5000", "2 old 5000", "3 new 0"], "updated": ["1 new 5000", "2 old 5000"],
                "deleted": ["2 old 5000"], "truncated": [],
            ])
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
