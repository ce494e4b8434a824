import BSON
import DevServers
import Model
import TestSupport
import Testing

/// DDL while the program runs.
@Suite(.onServers) struct SchemaChangeTests {
    @Test(arguments: OutputPlugin.allCases) func columnsComeAndGoWhileRunning(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("ddl", plugin: plugin)
        try await fixture.sql(
            """
            CREATE TYPE public.mood AS ENUM ('calm', 'cross');
            CREATE TABLE public.people (id integer PRIMARY KEY, name text, age smallint, mood public.mood);
            INSERT INTO public.people SELECT g, 'p' || g, g, 'calm' FROM generate_series(1, 10) g;
            """)
        let wherry = try fixture.wherry()
        for change in Self.changes {
            try await fixture.sql(change)
            // What is written from then on has the new shape; what was there gets it too.
            try await fixture.sql("UPDATE public.people SET age = age + 1 WHERE id % 2 = 0")
            try await fixture.sql(
                "INSERT INTO public.people (id, age) SELECT max(id) + 1, 1 FROM public.people; "
                    + "UPDATE public.people SET id = -id WHERE id = (SELECT min(id) FROM public.people WHERE id > 0)")
            try await fixture.waitUntilEqual(wherry, "after \(change)")
        }
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
        "ALTER TABLE public.people RENAME id TO person_id; ALTER TABLE public.people RENAME person_id TO id",
        // In one transaction with rows before and after.
        """
        UPDATE public.people SET full_name = 'before';
        ALTER TABLE public.people ADD nick text;
        UPDATE public.people SET nick = 'after' WHERE id % 2 = 0
        """,
    ]

    @Test(arguments: OutputPlugin.allCases) func aColumnIsAddedBetweenTwoRuns(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("ddlstop", plugin: plugin)
        try await Workload.createTables(fixture, rows: 20)
        try await fixture.catchUp()
        try await fixture.sql("UPDATE public.items SET name = 'old shape'")
        try await fixture.sql("ALTER TABLE public.items ADD more integer, DROP ratio")
        try await fixture.sql("UPDATE public.items SET more = 1, name = 'new shape', payload = NULL")
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    /// Nothing of the table comes in the stream after it.
    @Test func aQuietTableIsReadAgain() async throws {
        let fixture = try await PipelineFixture("ddlquiet")
        try await Workload.createTables(fixture, rows: 300)
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql("ALTER TABLE public.items ADD points integer NOT NULL DEFAULT 7, DROP flag")
        try await fixture.waitUntilEqual(wherry)
        #expect(try await fixture.backfillState("items")?["cause"] == "schema_change")
        let begun = try await fixture.backfillState("items")?["started_at"]
        // Other names are no reason to read anything.
        try await fixture.sql("ALTER TABLE public.items RENAME TO things")
        try await fixture.waitUntil("the state has the new name", wherry) {
            try await fixture.tableState("things")?["collection"] == "items"
        }
        try await fixture.sql("UPDATE public.things SET name = 'renamed'; DELETE FROM public.things WHERE id = 9")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.inspector.documents("items", filter: ["name": "renamed"]).count == 299)
        #expect(try await fixture.backfillState("things")?["started_at"] == begun)
        // A key of one column may be called otherwise; its changes from before stand in the log under the old name.
        #expect(try await wherry.terminate().code == 0)
        try await fixture.sql("UPDATE public.things SET name = 'before' WHERE id = 1")
        try await fixture.sql("ALTER TABLE public.things RENAME id TO number")
        try await fixture.sql("UPDATE public.things SET name = 'after' WHERE number = 2")
        try await fixture.sql("ALTER TABLE public.things RENAME TO items")
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    /// Partial changes, key changes and deletes meet the reading.
    @Test func columnsChangeUnderLoad() async throws {
        let fixture = try await PipelineFixture("ddlload")
        try await Workload.createTables(fixture, rows: 3000)
        let wherry = try fixture.wherry(limits: BatchSizes(operations: 150, chunkRows: 40))
        try await wherry.waitForLine("it streams") { $0["phase"] == "streaming" }
        let workload = Workload(fixture, seed: 31)
        let violations = try await VersionWatcher.watching(fixture) { _ in
            try await workload.working {
                for change in [
                    "ADD city text NOT NULL DEFAULT 'none'", "DROP ratio, ADD ratio double precision",
                    "RENAME tags TO labels",
                    "ALTER price TYPE numeric(20,6)",
                ] {
                    let before = try await fixture.backfillState("items")?["started_at"]
                    try await fixture.sql("ALTER TABLE public.items \(change)")
                    try await fixture.waitUntil("it is read again after \(change)", wherry) {
                        let state = try await fixture.backfillState("items")
                        return state != nil && state?["started_at"] != before
                    }
                }
            }
        }
        #expect(violations == [])
        try await fixture.waitUntilEqual(wherry)
        #expect(try await wherry.terminate().code == 0)
    }

    /// Killed wherever it is, nothing of a change is forgotten.
    @Test(arguments: OutputPlugin.allCases) func killsDoNotLoseAChange(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("ddlkill", plugin: plugin)
        try await Workload.createTables(fixture, rows: 4000)
        try await fixture.catchUp()
        var generator = SeededGenerator(seed: 5)
        for round in 1...5 {
            try await fixture.sql(
                "ALTER TABLE public.items ADD extra\(round) integer NOT NULL DEFAULT \(round); "
                    + "UPDATE public.items SET name = 'round \(round)' WHERE id % 3 = 0")
            let wherry = try fixture.wherry(limits: BatchSizes(operations: 150, chunkRows: 40))
            try await wherry.waitForLine("it has begun") { ["starting", "streaming"].contains($0.message) }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...700, using: &generator)))
            try await wherry.kill()
        }
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    // MARK: - Policies

    @Test func pauseHoldsTheStreamUntilItIsAccepted() async throws {
        let fixture = try await PipelineFixture("ddlpause")
        try await Workload.createTables(fixture, rows: 200)
        let file = try fixture.configuration("schema_changes: pause")
        try await fixture.catchUp(arguments: file)
        let wherry = try fixture.wherry(file)
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql("UPDATE public.items SET name = 'before'")
        try await fixture.sql("ALTER TABLE public.items ADD city text DEFAULT 'x'")
        try await fixture.sql("UPDATE public.items SET name = 'after' WHERE id < 50")
        let held = try await wherry.waitForLine("it holds") { $0.message == "the stream holds" }
        #expect(held["reason"]?.contains("public.items has changed") == true)
        // Everything before the change is there, and the server goes on being answered.
        try await fixture.waitUntil("what came before is written", wherry) {
            try await fixture.inspector.documents("items", filter: ["name": "before"]).count == 200
        }
        let status = try fixture.command(["status"] + fixture.connectionWords)
        try await status.end()
        #expect(status.output.contains("--accept-schema-change public.items"), "\(status.output)")
        #expect(status.output.contains("active"))
        #expect(try await fixture.inspector.documents("items", filter: ["city": ["$exists": true]]).isEmpty)
        // Killed and started again, it holds again.
        try await wherry.kill()
        let second = try fixture.wherry(file)
        try await second.waitForLine("it holds again") { $0.message == "the stream holds" }
        try await fixture.accept("public.items")
        try await fixture.waitUntilEqual(second)
        #expect(try await second.terminate().code == 0)
    }

    @Test(arguments: OutputPlugin.allCases) func failEndsWith78UntilItIsAccepted(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("ddlfail", plugin: plugin)
        try await Workload.createTables(fixture, rows: 50)
        let file = try fixture.configuration("schema_changes: fail")
        let wherry = try fixture.wherry(file)
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql("ALTER TABLE public.items RENAME name TO title")
        try await fixture.sql("UPDATE public.items SET title = 'x'")
        let refusal = try await fixture.refusal(of: wherry, 78, "public.items has changed")
        #expect(refusal.hint.contains("--accept-schema-change public.items"))
        try await fixture.refused(78, "column name is called title", arguments: file)
        let check = try fixture.command(["check"] + fixture.connectionWords + file)
        try await check.end()
        #expect(check.child.exitStatus?.code == 78 && check.output.contains("column name is called title"))
        try await fixture.accept("public.items")
        try await fixture.catchUp(arguments: file)
        #expect(try await fixture.compare() == [])
    }

    /// What leaves no trace in the catalogue, and is not followed by a change, is told by the event trigger.
    @Test func theAuditTellsOfRowsThatAreWrittenAnew() async throws {
        let fixture = try await PipelineFixture("ddlaudit")
        try await Workload.createTables(fixture, rows: 100)
        try await fixture.sql("CREATE TYPE public.place AS (street text)")
        try await fixture.sql("CREATE TABLE public.homes (id integer PRIMARY KEY, home public.place)")
        try await fixture.sql("INSERT INTO public.homes VALUES (1, ROW('s'))")
        try await fixture.postgres.psql(file: Self.audit, database: fixture.name)
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql("ALTER TABLE public.items ALTER name TYPE text USING upper(name)")
        try await wherry.waitForLine("it is told") {
            $0.message == "the source's schema was changed" && $0["object"] == "public.items"
        }
        try await fixture.waitUntilEqual(wherry, excluding: ["homes"])
        try await fixture.sql("ALTER TYPE public.place ADD ATTRIBUTE city text")
        try await fixture.waitUntil("the attribute is there", wherry) {
            try await fixture.inspector.document("homes", 1)?["home"] == ["street": "s", "city": nil]
        }
        #expect(!wherry.log.contains("upper("))
        #expect(try await wherry.terminate().code == 0)
    }

    private static let audit = "\(#filePath)".replacing(
        "Tests/IntegrationTests/SchemaChangeTests.swift", with: "sql/40_ddl_audit.sql")

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
        // Older rows have it as well.
        try await fixture.catchUp()
        #expect(
            try await fixture.inspector.document("people", 1)?["home"] == ["street": "s1", "zip": "z1", "city": nil])
    }
}
