import DevServers
import Model
import TestSupport
import Testing

@Suite(.onServers) struct TruncateTests {
    @Test(
        arguments: [
            "TRUNCATE public.items",
            "TRUNCATE public.items, public.pairs",
            "TRUNCATE public.numbered RESTART IDENTITY; INSERT INTO public.numbered (note) VALUES ('first again')",
            """
            INSERT INTO public.items (id, version) VALUES (1000, 1);
            UPDATE public.items SET name = 'before' WHERE id < 20;
            TRUNCATE public.items;
            INSERT INTO public.items (id, version, name) SELECT g, 2, 'after' FROM generate_series(15, 40) g;
            UPDATE public.items SET name = 'later' WHERE id < 20
            """,
            """
            TRUNCATE public.items; INSERT INTO public.items (id, version) VALUES (1, 1);
            TRUNCATE public.items; INSERT INTO public.items (id, version) VALUES (2, 2)
            """,
        ], OutputPlugin.allCases)
    func leavesWhatTheSourceHas(_ change: String, by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("truncate", plugin: plugin)
        try await Workload.createTables(fixture, rows: 100)
        try await fixture.sql(
            """
            CREATE TABLE public.numbered (id serial PRIMARY KEY, note text);
            INSERT INTO public.numbered (note) VALUES ('a'), ('b'), ('c');
            INSERT INTO public.pairs (tenant, code, version) VALUES (1, 'a', 1);
            """)
        try await fixture.catchUp()
        try await fixture.sql("INSERT INTO public.items (id, version) VALUES (500, 1)")
        try await fixture.sql(change)
        try await fixture.sql("INSERT INTO public.items (id, version) VALUES (501, 1)")
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    @Test(arguments: OutputPlugin.allCases) func goesOnAfterAKillInTheMiddle(by plugin: OutputPlugin) async throws {
        try await PipelineFixture.withOwnServers("trunkill", plugin: plugin) { fixture in
            try await Workload.createTables(fixture, rows: 100)
            try await fixture.sql("ALTER TABLE public.items ADD filler integer")
            try await fixture.sql(
                "INSERT INTO public.items (id, version) SELECT g, 1 FROM generate_series(1001, 30900) g")
            try await fixture.catchUp()
            #expect(try await fixture.inspector.count("items") == 30_000)
            try await fixture.sql(
                """
                UPDATE public.items SET name = 'before' WHERE id < 300;
                TRUNCATE public.items;
                INSERT INTO public.items (id, version, name) SELECT g, 2, 'after' FROM generate_series(200, 400) g;
                """)
            let slow = try await FailPoint.hold(
                ["delete"], of: fixture.applicationName, for: .milliseconds(300), using: fixture.inspector)
            let wherry = try fixture.wherry()
            try await fixture.waitUntil("some documents are gone", wherry) {
                try await fixture.inspector.count("items") < 30_000
            }
            try await wherry.kill()
            try await slow.release()
            let left = try await fixture.inspector.count("items")
            #expect(left > 0 && left < 30_000, "\(left) documents left")
            try await fixture.catchUp()
            #expect(try await fixture.inspector.count("items") == 201)
            #expect(try await fixture.compare() == [])
        }
    }
}
