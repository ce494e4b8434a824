import BSON
import DevServers
import Postgres
import TestSupport
import Testing

/// Partitioned tables: one collection each, whatever way the rows come.
@Suite(.onServers) struct PartitionTests {
    /// Two levels, a default partition, leaves whose columns stand in another order, one that was renamed and one in
    /// another schema; the key is not the first column.
    private static func tables(rows: Int) -> String {
        """
        CREATE SCHEMA archive;
        CREATE TABLE public.events (note text, at date NOT NULL, id integer NOT NULL, region text NOT NULL,
            PRIMARY KEY (region, at, id)) PARTITION BY LIST (region);
        ALTER TABLE public.events ALTER COLUMN note SET STORAGE EXTERNAL;
        CREATE TABLE public.events_eu PARTITION OF public.events FOR VALUES IN ('eu') PARTITION BY RANGE (at);
        CREATE TABLE public.events_eu_1 PARTITION OF public.events_eu FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE archive.events_eu_2 PARTITION OF public.events_eu FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
        CREATE TABLE public.events_us (id integer NOT NULL, gone integer, region text NOT NULL, note text,
            at date NOT NULL);
        ALTER TABLE public.events_us DROP gone;
        ALTER TABLE public.events_us ALTER COLUMN note SET STORAGE EXTERNAL;
        ALTER TABLE public.events ATTACH PARTITION public.events_us FOR VALUES IN ('us');
        CREATE TABLE public.events_rest PARTITION OF public.events DEFAULT;
        INSERT INTO public.events (region, at, id, note)
        SELECT (ARRAY['eu', 'us', 'asia'])[1 + g % 3], '2024-01-01'::date + g * 7 % 700, g, repeat(md5(g::text), g % 90)
          FROM generate_series(1, \(rows)) g;
        CREATE TABLE public.hollow (id integer PRIMARY KEY) PARTITION BY RANGE (id);
        """
    }

    /// What moves rows between leaves, in part and whole, and what empties the table.
    private static let changes = [
        "UPDATE public.events SET region = 'us' WHERE id % 6 = 0",
        "UPDATE public.events SET at = at + 365 WHERE region = 'eu' AND at < '2025-01-01' AND id % 4 = 0",
        "UPDATE public.events SET id = id + 1000000 WHERE id % 7 = 0",
        "UPDATE public.events SET note = 'short' WHERE id % 5 = 0",
        "DELETE FROM public.events WHERE id % 11 = 0; INSERT INTO public.events VALUES ('n', '2024-05-05', 99, 'eu')",
        "INSERT INTO public.hollow SELECT 1 WHERE false",
    ]

    private func changeEverything(_ fixture: PipelineFixture) async throws {
        for change in Self.changes { try await fixture.sql(change) }
    }

    private static let modes = ["live", "exported"]

    @Test(arguments: modes) func copiedAndStreamed(_ mode: String) async throws {
        let fixture = try await PipelineFixture("parts")
        try await fixture.sql(Self.tables(rows: 20_000))
        let sizes = BatchSizes(operations: 500, backfill: mode)
        let wherry = try fixture.wherry(limits: sizes)
        try await fixture.waitUntilCaughtUp(wherry)
        try await changeEverything(fixture)
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        try await fixture.catchUp(limits: sizes)
        #expect(try await fixture.compare() == [])
        let collections = Set(
            try await fixture.inspector.documents("tables", on: fixture.stateDatabase)
                .compactMap { $0["collection"]?.asString })
        #expect(collections == ["events", "hollow"])

        let again = try fixture.wherry(limits: sizes)
        try await fixture.sql("TRUNCATE public.events; INSERT INTO public.events VALUES ('new', '2024-05-05', 1, 'us')")
        try await fixture.waitUntilCaughtUp(again)
        #expect(try await again.terminate().code == 0)
        #expect(try await fixture.compare() == [])
        #expect(try await fixture.inspector.count("events") == 1)
    }

    /// Rows move between leaves, leaves come and change their names while their chunks are read, over a crash.
    @Test func changedWhileItIsRead() async throws {
        let fixture = try await PipelineFixture("partslive")
        try await fixture.sql(Self.tables(rows: 30_000))
        let sizes = BatchSizes(operations: 500, backfill: "live", chunkRows: 100)
        let killed = try fixture.wherry(limits: sizes)
        try await killed.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
        try await killed.kill()
        #expect(!killed.log.contains("backfill finished"), "too fast to say anything")
        let wherry = try fixture.wherry(limits: sizes)
        try await fixture.sql(
            """
            ALTER TABLE public.events_us RENAME TO events_usa;
            CREATE TABLE public.events_africa PARTITION OF public.events FOR VALUES IN ('africa');
            INSERT INTO public.events SELECT 'a', '2024-01-01', g, 'africa' FROM generate_series(1, 50) g;
            """)
        try await changeEverything(fixture)
        let finished = try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
        #expect(finished.int("rows_copied") ?? 0 > 20_000)
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }

    /// What nothing is left to read of is done. The documents of its rows that were read before stay: a detached
    /// partition is not in the stream.
    @Test func aLeafThatGoesWhileItIsRead() async throws {
        let fixture = try await PipelineFixture("partsgone")
        try await fixture.sql(Self.tables(rows: 30_000))
        let sizes = BatchSizes(operations: 500, backfill: "live", chunkRows: 50)
        let wherry = try fixture.wherry(limits: sizes)
        try await wherry.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
        // In the schema it would be a new table, and join.
        try await fixture.sql(
            """
            ALTER TABLE public.events DETACH PARTITION public.events_us;
            ALTER TABLE public.events_us SET SCHEMA archive;
            """)
        try await fixture.sql("DROP TABLE public.events_rest")
        try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        let gone = wherry.logLines.filter { $0.message.hasPrefix("a partition is gone or detached") }
        #expect(Set(gone.compactMap { $0["partition"] }).isSubset(of: ["public.events_us", "public.events_rest"]))
        #expect(!gone.isEmpty, "too fast to say anything")
        #expect(wherry.logLines.count { $0.message == "streaming" && $0["from"] != nil } == 1)
        let rows = try await fixture.sql("SELECT count(*) FROM public.events WHERE region = 'eu'").scalar
        let documents = try await fixture.inspector.documents("events", filter: ["_id.region": "eu"])
        #expect(rows == "\(documents.count)")
    }

    /// What the docs say of a single leaf, on the real server: the stream doesn't have it, and `wherry backfill`
    /// repairs it.
    @Test func whatOfALeafIsNotInTheStream() async throws {
        let fixture = try await PipelineFixture("partsleaf")
        try await fixture.sql(Self.tables(rows: 3000))
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        func documents(_ region: String) async throws -> Int {
            try await fixture.inspector.documents("events", filter: ["_id.region": .string(region)]).count
        }
        try await fixture.sql("TRUNCATE public.events_us")
        try await fixture.sql("DROP TABLE archive.events_eu_2")
        try await fixture.sql("ALTER TABLE public.events DETACH PARTITION public.events_rest")
        try await fixture.sql(
            """
            CREATE TABLE public.events_late (LIKE public.events INCLUDING STORAGE);
            INSERT INTO public.events_late
            VALUES (repeat(md5('a'), 300), '2024-01-01', 1, 'late'), ('untouched', '2024-01-01', 3, 'late');
            ALTER TABLE public.events ATTACH PARTITION public.events_late FOR VALUES IN ('late');
            INSERT INTO public.events VALUES ('after', '2024-01-01', 2, 'late');
            """)
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await documents("us") == 1000)
        #expect(try await documents("eu") == 1000)
        #expect(try await documents("asia") == 1000)
        #expect(try await documents("late") == 1)
        // A row that is written again comes like any other.
        try await fixture.sql("UPDATE public.events SET note = note || '' WHERE region = 'late' AND id < 3")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await documents("late") == 2)
        #expect(try await wherry.terminate().code == 0)

        try await fixture.backfill("events", "--where", "events.region = 'us'")
        try await fixture.catchUp()
        #expect(try await documents("us") == 0)
        #expect(try await documents("asia") == 1000)
        try await killInBackfill(fixture)
        try await fixture.catchUp()
        // Detached it is a table of its own, which the pipeline doesn't carry.
        #expect(try await fixture.compare(excluding: ["events_rest"]) == [])
    }

    private func killInBackfill(_ fixture: PipelineFixture) async throws {
        try await fixture.backfill("events")
        let wherry = try fixture.wherry(limits: BatchSizes(operations: 50, chunkRows: 20, rowsPerSecond: 200))
        try await fixture.waitUntil("rows are read", wherry) {
            try await fixture.backfillState("events")?["rows"]?.asInt ?? 0 > 0
        }
        try await wherry.kill()
        #expect(try await fixture.sweep("events")?["is_done"] == false, "too fast to say anything")
    }

    /// A leaf logs whole old rows where the root promises keys; large values stay where they are.
    @Test func aLeafOfAnotherReplicaIdentity() async throws {
        let fixture = try await PipelineFixture("partsfull")
        try await fixture.sql(Self.tables(rows: 300))
        try await fixture.sql("UPDATE public.events SET note = repeat(md5(id::text), 300)")
        try await fixture.sql("ALTER TABLE public.events_us REPLICA IDENTITY FULL")
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql("UPDATE public.events SET id = id + 1000")
        try await fixture.sql("UPDATE public.events SET at = at WHERE region = 'us'")
        try await fixture.sql("DELETE FROM public.events WHERE id % 5 = 0")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }
}
