import BSON
import DevServers
import TestSupport
import Testing

/// Memory stays bounded whatever the size of a transaction or a row.
@Suite(.serialized, .onBusyServers) struct MemoryTests {
    private static let limit = 150 << 20

    @Test func aTransactionOf300000Changes() async throws {
        let fixture = try await PipelineFixture("hugetx")
        try await fixture.sql(
            "CREATE TABLE public.events (id integer PRIMARY KEY, name text, amount numeric(12,2), at timestamptz)")
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql(
            "INSERT INTO public.events SELECT g, 'event number ' || g || repeat('.', 100), g / 100.0, now() "
                + "FROM generate_series(1, 300000) g")
        try await staysSmall(wherry, fixture, "300,000 changes")
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.inspector.count("events") == 300_000)
    }

    @Test func rowsOf100Kilobytes() async throws {
        let fixture = try await PipelineFixture("widerow")
        try await fixture.sql(
            """
            CREATE TABLE public.wide (id integer PRIMARY KEY, version integer, body text);
            ALTER TABLE public.wide ALTER COLUMN body SET STORAGE EXTERNAL;
            INSERT INTO public.wide SELECT g, 0, repeat(md5(g::text), 3200) FROM generate_series(1, 600) g;
            """)
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        for (what, change) in Self.wideChanges {
            try await fixture.sql(change)
            try await staysSmall(wherry, fixture, "rows of 100 kB: \(what)")
        }
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }

    private static let wideChanges = [
        ("copied", "SELECT 1"),
        ("all rewritten", "UPDATE public.wide SET body = repeat(md5('b' || id), 3200)"),
        ("keys changed, values not sent", "UPDATE public.wide SET id = id + 1000, version = 1"),
        ("whole old rows", "ALTER TABLE public.wide REPLICA IDENTITY FULL; UPDATE public.wide SET version = 2"),
        ("keys changed, whole old rows", "UPDATE public.wide SET id = id + 1000"),
    ]

    /// One UPDATE touches more keys than the backfill may remember, while chunks are under way.
    @Test func everyRowIsUpdatedWhileItsTableIsRead() async throws {
        let fixture = try await PipelineFixture("flood")
        try await fixture.sql(
            """
            CREATE TABLE public.counters (id text PRIMARY KEY, n integer);
            INSERT INTO public.counters SELECT repeat('k', 200) || g, 0 FROM generate_series(1, 100000) g;
            """)
        let wherry = try fixture.wherry(limits: BatchSizes(backfill: "live", chunkRows: 100))
        try await fixture.waitUntil("rows are read", wherry) {
            try await fixture.tableState("counters")?["backfill"]?.asDocument?["rows"]?.asInt ?? 0 > 0
        }
        try await fixture.sql("UPDATE public.counters SET n = 1")
        try await wherry.waitForLine("more is touched than is remembered") { $0.int("touch_log_cleared") ?? 0 > 0 }
        try await staysSmall(wherry, fixture, "an update of a table that is read")
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }

    private func staysSmall(_ wherry: WherryProcess, _ fixture: PipelineFixture, _ what: String) async throws {
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        let peak = try #require(wherry.peakResidentBytes)
        print("peak memory with \(what): \(peak >> 20) MiB, \(try WherryProcess.executable)")
        #expect(peak < Self.limit, "\(what)")
    }
}
