import BSON
import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// A unique index of the user's own in the target.
@Suite(.onServers) struct UniqueIndexTests {
    private static let changes = [
        // Swapped by way of a third value, in three transactions.
        "UPDATE public.seats SET place = 'none' WHERE id = 1",
        "UPDATE public.seats SET place = 'a1' WHERE id = 2",
        "UPDATE public.seats SET place = 'a2' WHERE id = 1",
    ]

    @Test(arguments: OutputPlugin.allCases) func valuesSwappedInOneBatch(by plugin: OutputPlugin) async throws {
        let fixture = try await seats("swap", by: plugin)
        for change in Self.changes { try await fixture.sql(change) }
        try await isEqualAfterCatchingUp(fixture)
    }

    @Test func valuesSwappedInOneStatement() async throws {
        let fixture = try await seats("swaptx")
        try await fixture.sql(
            "UPDATE public.seats SET place = CASE id WHEN 1 THEN 'a2' ELSE 'a1' END WHERE id IN (1, 2)")
        try await isEqualAfterCatchingUp(fixture)
    }

    @Test(arguments: OutputPlugin.allCases) func aCycleOfThreeWithLargeValues(by plugin: OutputPlugin) async throws {
        let fixture = try await seats("cycle", by: plugin)
        // Rows 3 and 6 carry values that the stream doesn't repeat.
        try await fixture.sql(
            "UPDATE public.seats SET place = CASE id WHEN 3 THEN 'a6' WHEN 6 THEN 'a9' ELSE 'a3' END "
                + "WHERE id IN (3, 6, 9)")
        try await isEqualAfterCatchingUp(fixture)
    }

    @Test(arguments: OutputPlugin.allCases) func valuesGivenUpAndTakenOver(by plugin: OutputPlugin) async throws {
        let fixture = try await seats("taken", by: plugin)
        try await fixture.sql(
            """
            DELETE FROM public.seats WHERE id = 1;
            INSERT INTO public.seats VALUES (21, 'a1');
            UPDATE public.seats SET place = 'new' WHERE id = 2;
            INSERT INTO public.seats VALUES (22, 'a2');
            UPDATE public.seats SET id = 23 WHERE id = 3;
            INSERT INTO public.seats VALUES (3, 'a33');
            UPDATE public.seats SET id = 24, place = 'a24' WHERE id = 6;
            INSERT INTO public.seats VALUES (6, 'a6');
            """)
        try await isEqualAfterCatchingUp(fixture)
    }

    @Test func swappedAgainAndAgainWhileRunning() async throws {
        let fixture = try await seats("swaps")
        let wherry = try fixture.wherry(limits: BatchSizes(operations: 100))
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<60 {
            let ids = Array((1...20).shuffled(using: &generator).prefix(3))
            try await fixture.sql(
                """
                UPDATE public.seats s SET place = o.place
                FROM public.seats o, (VALUES (\(ids[0]), \(ids[1])), (\(ids[1]), \(ids[2])), (\(ids[2]), \(ids[0]))) v(a, b)
                WHERE s.id = v.a AND o.id = v.b
                """)
        }
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare() == [])
        #expect(try await wherry.terminate().code == 0)
    }

    @Test func aValueTheIndexRefusesStopsTheRun() async throws {
        let fixture = try await seats("refused")
        try await fixture.inspector.insert([["_id": 1000, "place": "mine"]], into: "seats")
        try await fixture.sql(
            "INSERT INTO public.seats VALUES (30, 'fine'); UPDATE public.seats SET place = 'mine' WHERE id = 5")
        let end = try await fixture.sql("SELECT pg_current_wal_insert_lsn()").scalar.flatMap { LSN($0) }
        let refused = try await fixture.runToEnd(["--until-caught-up"])
        #expect(refused.child.exitStatus?.code == 65)
        #expect(refused.tail.contains("(place)"))
        // A keepalive may have moved it, but not past the transaction that is refused.
        let stopped = try #require(try await fixture.checkpoint())
        #expect(stopped < (try #require(end)))
        try await fixture.inspector.command(["delete": "seats", "deletes": [["q": ["_id": 1000], "limit": 1]]])
        try await isEqualAfterCatchingUp(fixture)
    }

    /// Twenty rows, copied, with the index in the target.
    private func seats(_ prefix: String, by plugin: OutputPlugin = .underTest) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix, plugin: plugin)
        try await fixture.sql(
            """
            CREATE TABLE public.seats (
                id integer PRIMARY KEY, place text, note text, UNIQUE (place) DEFERRABLE INITIALLY DEFERRED);
            ALTER TABLE public.seats ALTER COLUMN note SET STORAGE EXTERNAL;
            INSERT INTO public.seats
            SELECT g, 'a' || g, CASE WHEN g % 3 = 0 THEN repeat(md5(g::text), 300) END FROM generate_series(1, 20) g;
            """)
        try await fixture.catchUp()
        try await fixture.inspector.createUniqueIndex("seats", on: "place")
        return fixture
    }

    private func isEqualAfterCatchingUp(_ fixture: PipelineFixture) async throws {
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }
}
