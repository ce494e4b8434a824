import BSON
import DevServers
import TestSupport
import Testing

/// DDL while the program runs.
@Suite(.onServers) struct SchemaChangeTests {
    @Test func columnsComeAndGoWhileRunning() async throws {
        let fixture = try await PipelineFixture("ddl")
        try await fixture.sql(
            """
            CREATE TYPE public.mood AS ENUM ('calm', 'cross');
            CREATE TABLE public.people (id integer PRIMARY KEY, name text, age smallint, mood public.mood);
            INSERT INTO public.people SELECT g, 'p' || g, g, 'calm' FROM generate_series(1, 10) g;
            """)
        let wherry = try fixture.wherry()
        for change in Self.changes {
            try await fixture.sql(change)
            // What is written from then on has the new shape.
            try await fixture.sql("UPDATE public.people SET age = age + 1")
            try await fixture.sql(
                "INSERT INTO public.people (id, age) SELECT max(id) + 1, 1 FROM public.people; "
                    + "UPDATE public.people SET id = -id WHERE id = (SELECT min(id) FROM public.people WHERE id > 0)")
            try await fixture.waitUntilCaughtUp(wherry)
            #expect(try await fixture.compare(excluding: ["late"]) == [], "after \(change)")
        }
        #expect(try await fixture.inspector.count("late") == 0)
        #expect(try await wherry.terminate().code == 0)
    }

    private static let changes = [
        "ALTER TABLE public.people ADD city text",
        "ALTER TABLE public.people ADD points integer NOT NULL DEFAULT 7",
        "ALTER TABLE public.people DROP city",
        "ALTER TABLE public.people RENAME name TO full_name",
        "ALTER TYPE public.mood ADD VALUE 'merry'",
        "UPDATE public.people SET mood = 'merry' WHERE id % 2 = 0",
        "ALTER TABLE public.people ALTER points TYPE bigint",
        "ALTER TABLE public.people ALTER points TYPE text",
        "CREATE TABLE public.late (id integer PRIMARY KEY); INSERT INTO public.late VALUES (1)",
        // In one transaction with rows before and after.
        """
        UPDATE public.people SET full_name = 'before';
        ALTER TABLE public.people ADD nick text;
        UPDATE public.people SET nick = 'after' WHERE id % 2 = 0
        """,
    ]

    @Test func aColumnIsAddedBetweenTwoRuns() async throws {
        let fixture = try await PipelineFixture("ddlstop")
        try await Workload.createTables(fixture, rows: 20)
        try await fixture.catchUp()
        try await fixture.sql("UPDATE public.items SET name = 'old shape'")
        try await fixture.sql("ALTER TABLE public.items ADD more integer, DROP ratio")
        try await fixture.sql("UPDATE public.items SET more = 1, name = 'new shape', payload = NULL")
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    /// The stream doesn't tell: the first value that no longer fits makes the catalogue be read again.
    @Test func aCompositeTypeGetsAnAttributeWhileRunning() async throws {
        let fixture = try await PipelineFixture("ddltype")
        try await fixture.sql(
            """
            CREATE TYPE public.place AS (street text, zip text);
            CREATE TABLE public.people (id integer PRIMARY KEY, home public.place, homes public.place[]);
            INSERT INTO public.people VALUES (1, ROW('s1', 'z1'), NULL);
            """)
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql(
            "INSERT INTO public.people VALUES (2, ROW('s2', 'z2'), array[ROW('a', 'b')]::public.place[])")
        try await fixture.sql("ALTER TYPE public.place ADD ATTRIBUTE city text")
        try await fixture.sql("INSERT INTO public.people VALUES (3, ROW('s3', 'z3', 'c3'), NULL)")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(
            try await fixture.inspector.document("people", 3)?["home"]
                == ["street": "s3", "zip": "z3", "city": "c3"])
        let second = try #require(try await fixture.inspector.document("people", 2)?["home"]?.asDocument)
        #expect(second["street"] == "s2" && second["zip"] == "z2")
        #expect(try await wherry.terminate().code == 0)
        // Older rows, read anew, have it as well.
        try await fixture.sql("UPDATE public.people SET homes = '{}' WHERE id = 1")
        try await fixture.catchUp()
        #expect(
            try await fixture.inspector.document("people", 1)?["home"] == ["street": "s1", "zip": "z1", "city": nil])
    }
}
