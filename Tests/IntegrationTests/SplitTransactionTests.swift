import BSON
import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// Tables come, go and change while a transaction is applied in part.
@Suite(.onServers) struct SplitTransactionTests {
    private static let tables = """
        CREATE TABLE public.first (id integer PRIMARY KEY, n integer, body text);
        ALTER TABLE public.first ALTER COLUMN body SET STORAGE EXTERNAL;
        INSERT INTO public.first SELECT g, 0, repeat(md5(g::text), 100) FROM generate_series(1, 300) g;
        CREATE TABLE public.second (id integer PRIMARY KEY, n integer);
        INSERT INTO public.second VALUES (1, 1);
        """

    private func withTables(
        _ name: String, by plugin: OutputPlugin = .underTest,
        _ body: @Sendable (PipelineFixture, [String]) async throws -> Void
    ) async throws {
        try await PipelineFixture.withOwnServers(name, plugin: plugin) { fixture in
            try await fixture.sql(Self.tables)
            try await body(fixture, try fixture.configurationWords(BatchSizes(operations: 50)))
        }
    }

    /// What is left of the transaction is found by counting: the rows of a table that comes in would count too.
    @Test(arguments: OutputPlugin.allCases) func aTableThatJoinsWaits(by plugin: OutputPlugin) async throws {
        try await withTables("splitjoin", by: plugin) { fixture, small in
            try await fixture.catchUp(arguments: small)
            try await fixture.tables(["remove", "public.second"])
            try await fixture.catchUp(arguments: small)
            // Still published, so that the transaction has its rows.
            if plugin == .pgoutput {
                try await fixture.sql("ALTER PUBLICATION wherry_\(fixture.name) ADD TABLE public.second")
            }
            try await fixture.sql(
                """
                INSERT INTO public.second SELECT g, g FROM generate_series(1000, 1200) g;
                UPDATE public.first SET n = 1 WHERE id <= 100;
                DELETE FROM public.first WHERE id <= 100;
                UPDATE public.first SET n = 2
                """)
            try await fixture.killInTransaction(small)
            try await fixture.tables(["add", "public.second", "--adopt"])
            try await fixture.catchUp(arguments: small)
            let worker = try fixture.wherry(small)
            try await fixture.waitUntilEqual(worker)
            #expect(try await worker.terminate().code == 0)
        }
    }

    /// It would join by itself, and its rows come in the transaction that publishes it.
    @Test func aTableThatIsPublishedInsideWaits() async throws {
        try await withTables("splitpublish") { fixture, small in
            try await fixture.catchUp(arguments: small)
            try await fixture.sql(
                """
                CREATE TABLE public.third (id integer PRIMARY KEY, n integer);
                ALTER PUBLICATION wherry_\(fixture.name) ADD TABLE public.third;
                UPDATE public.first SET n = 1;
                INSERT INTO public.third SELECT g, g FROM generate_series(1, 200) g;
                UPDATE public.first SET n = 2 WHERE id % 2 = 0;
                UPDATE public.third SET n = -n
                """)
            let worker = try fixture.wherry(small)
            try await fixture.waitUntilEqual(worker)
            #expect(try await fixture.inspector.count("third") == 200)
            #expect(try await worker.terminate().code == 0)
        }
    }

    /// Its rows that the backfill has not come to are sent in part.
    @Test func aTableThatLeavesIsNoLongerWritten() async throws {
        try await withTables("splitleave") { fixture, small in
            try await fixture.catchUp(arguments: small)
            let paused = try fixture.command(["backfill", "public.first"] + fixture.connectionWords)
            try await paused.end()
            let pause = try fixture.command(["backfill", "public.first", "--pause"] + fixture.connectionWords)
            try await pause.end()
            try await fixture.inspector.command(
                ["delete": "first", "deletes": [["q": ["_id": ["$gt": 200]], "limit": 0]]])
            try await fixture.sql("UPDATE public.first SET n = 1")
            try await fixture.killInTransaction(small)
            try await fixture.tables(["remove", "public.first"])
            try await fixture.sql("UPDATE public.second SET n = 2")
            try await fixture.catchUp(arguments: small)
            try await fixture.catchUp(arguments: small)
            #expect(try await fixture.tableState("first") == nil)
            #expect(try await fixture.inspector.document("second", 1)?["n"] == 2)
        }
    }

    /// Altered behind what is applied, and renamed.
    @Test func aTableThatLeavesMayChange() async throws {
        try await withTables("splitalter") { fixture, small in
            try await fixture.catchUp(arguments: small)
            try await fixture.sql(
                """
                UPDATE public.first SET n = 1;
                ALTER TABLE public.second ADD COLUMN more integer DEFAULT 7;
                UPDATE public.second SET n = 2;
                UPDATE public.first SET n = 3 WHERE id < 10
                """)
            try await fixture.killInTransaction(small)
            try await fixture.sql("ALTER TABLE public.second RENAME TO other")
            try await fixture.tables(["remove", "public.second"])
            try await fixture.catchUp(arguments: small)
            try await fixture.catchUp(arguments: small)
            #expect(try await fixture.tableState("second") == nil)
            #expect(try await fixture.compare(excluding: ["second", "other"]) == [])
        }
    }
}
