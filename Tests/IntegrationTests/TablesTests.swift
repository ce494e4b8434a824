import BSON
import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// Tables that join a pipeline under way, and leave it.
@Suite(.onBusyServers) struct TablesTests {
    private static let later = """
        CREATE TABLE public.later (id integer PRIMARY KEY, n integer, body text);
        ALTER TABLE public.later ALTER COLUMN body SET STORAGE EXTERNAL;
        INSERT INTO public.later SELECT g, g, repeat(md5(g::text), CASE WHEN g % 9 = 0 THEN 200 ELSE 1 END)
        FROM generate_series(1, 4000) g;
        """

    /// A stream under load; a writer is open across the change of the publication, and what it wrote before is seen by
    /// no stream.
    @Test(arguments: OutputPlugin.allCases) func aTableJoinsUnderLoad(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("tabjoin", plugin: plugin)
        try await Workload.createTables(fixture, rows: 2000)
        let file = try fixture.configuration("schema_changes: pause")
        let wherry = try fixture.wherry(file)
        try await fixture.waitUntilCaughtUp(wherry)
        let begun = try await fixture.tableState("items")?["backfill"]
        try await fixture.sql(Self.later)
        let open = try await fixture.connect()
        try await open.query("BEGIN")
        try await open.query("UPDATE public.later SET n = -n WHERE id <= 40")
        let workload = Workload(fixture, seed: 41)
        try await workload.working {
            let added = try await fixture.tables(["add", "public.later", "--json"] + file)
            #expect(added.output.contains("\"joining\""))
            try await fixture.waitUntil("it has joined", wherry) {
                let state = try await fixture.tableState("later")
                return state?["membership"] == nil && state?["backfill"] != nil
            }
            try await fixture.sql("UPDATE public.later SET n = n + 1 WHERE id % 5 = 0 AND id > 40")
            try await open.query("UPDATE public.later SET n = n - 7 WHERE id = 3")
            try await open.query("COMMIT")
            try await fixture.sql(
                "DELETE FROM public.later WHERE id % 11 = 0; UPDATE public.later SET id = -id WHERE id < 9")
            try await fixture.waitUntil("its rows are there", wherry) { try await fixture.hasEveryRow() }
        }
        await open.close()
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare() == [])
        // The others were not read again.
        #expect(try await fixture.tableState("items")?["backfill"] == begun)
        #expect(try await wherry.terminate().code == 0)
    }

    /// What somebody makes in a schema that is chosen joins by itself, once it can be carried.
    @Test func aNewTableIsPickedUp() async throws {
        let fixture = try await PipelineFixture("tabnew")
        try await Workload.createTables(fixture, rows: 50)
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql(Self.later)
        try await fixture.sql("CREATE TABLE public.keyless (id integer); INSERT INTO public.keyless VALUES (1)")
        try await fixture.waitUntilEqual(wherry, excluding: ["keyless"])
        let line = try await wherry.waitForLine("it is told") { $0.message == "a table can't join the pipeline" }
        #expect(line["table"] == "public.keyless" && line["reason"]?.contains("no primary key") == true)
        try await fixture.sql("ALTER TABLE public.keyless ADD PRIMARY KEY (id)")
        try await fixture.waitUntilEqual(wherry)
        #expect(try await wherry.terminate().code == 0)
    }

    @Test(arguments: OutputPlugin.allCases) func aTableLeaves(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("tableave", plugin: plugin)
        try await Workload.createTables(fixture, rows: 300)
        try await fixture.sql(Self.later)
        try await fixture.catchUp()
        // Asked for while nobody runs; what stands in the log since is passed over.
        try await fixture.sql("UPDATE public.later SET n = 0")
        try await fixture.tables(["remove", "public.later"])
        try await fixture.sql("UPDATE public.later SET n = 1; UPDATE public.items SET name = 'on'")
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare(excluding: ["later"]) == [])
        #expect(try await fixture.inspector.documents("later", filter: ["n": 1]).count == 1)
        #expect(try await fixture.tableState("later") == nil)
        let published = try await fixture.sql("SELECT count(*) FROM pg_publication_tables WHERE tablename = 'later'")
        #expect(published.scalar == "0")
        // It stays out, also over restarts, until somebody wants it back.
        let listed = try await fixture.tables(["list", "--json"])
        #expect(listed.output.contains("\"left\""))
        try await fixture.tables(["remove", "public.later"])
        try await fixture.tables(["remove", "public.nobody"], expecting: 64)
        try await fixture.tables(["remove", "public.items", "public.pairs"], expecting: 78)
        try await fixture.tables(["add", "public.later"], expecting: 78)
        try await fixture.tables(["add", "public.later", "--adopt"])
        try await fixture.waitUntilEqual(wherry)
        // With its documents, while it runs.
        try await fixture.tables(["remove", "public.pairs", "--documents"])
        try await fixture.waitUntil("it is gone", wherry) { try await fixture.tableState("pairs") == nil }
        #expect(try await fixture.inspector.count("pairs") == 0)
        try await fixture.sql("UPDATE public.items SET name = 'and on'")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare(excluding: ["pairs"]) == [])
        #expect(try await wherry.terminate().code == 0)
    }

    /// The program that orders it may have a newer file than the worker: what that masks is shown by nobody.
    @Test func aTableOfAnotherFileWaits() async throws {
        let fixture = try await PipelineFixture("tabother")
        try await Workload.createTables(fixture, rows: 50)
        try await fixture.sql(Self.later)
        let items = "items: { from: public.items }\n  pairs: { from: public.pairs }"
        let old = try fixture.configuration("collections:\n  \(items)")
        let new = try fixture.configuration(
            "collections:\n  \(items)\n  hidden: { from: public.later, mask: { body: redact } }")
        let wherry = try fixture.wherry(old)
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.tables(["add", "public.later"] + new)
        let line = try await wherry.waitForLine("it is told") { $0.message == "a table can't join the pipeline" }
        #expect(line["reason"]?.contains("configuration") == true && line["hint"]?.contains("another file") == true)
        try await fixture.sql("UPDATE public.later SET n = -n WHERE id <= 40")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        try await fixture.catchUp(arguments: old)
        #expect(try await fixture.inspector.documents("hidden").isEmpty)
        try await fixture.catchUp(arguments: new)
        let documents = try await fixture.inspector.documents("hidden")
        #expect(documents.count == 4000 && documents.allSatisfy { $0["body"] == "redacted" })
        #expect(documents.count { ($0["n"]?.asInt64 ?? 0) < 0 } == 40)
    }

    /// The order stands until the table is there again, and keeps the stream from nothing.
    @Test func aTableThatIsGoneDoesNotJoin() async throws {
        let fixture = try await PipelineFixture("tabgone")
        try await Workload.createTables(fixture, rows: 50)
        let picks = try fixture.configuration("schema_changes: pause")
        try await fixture.catchUp(arguments: picks)
        try await fixture.sql(Self.later)
        try await fixture.tables(["add", "public.later"])
        try await fixture.sql("ALTER TABLE public.later RENAME TO much_later")
        // Filled by somebody else meanwhile.
        try await fixture.inspector.insert([["_id": "theirs"]], into: "later")
        let wherry = try fixture.wherry(picks)
        let line = try await wherry.waitForLine("it is told") { $0.message == "a table can't join the pipeline" }
        #expect(line["reason"]?.contains("no such table") == true && line["hint"]?.contains("tables remove") == true)
        try await fixture.waitUntilCaughtUp(wherry)
        // Orders are looked for every second, and ten lines of progress are a second of the program's own.
        let told = wherry.logLines.count
        try await fixture.waitUntil("it has looked for orders again and again", wherry) {
            wherry.logLines.count > told + 40
        }
        #expect(wherry.logLines.count { $0.message == "streaming" && $0["from"] != nil } == 1)
        try await fixture.sql("ALTER TABLE public.much_later RENAME TO later")
        try await wherry.waitForLine("it is told") {
            $0.message == "a table can't join the pipeline" && $0["reason"]?.contains("already holds documents") == true
        }
        #expect(try await fixture.inspector.count("later") == 1)
        #expect(try await wherry.terminate().code == 0)
    }

    /// Tables come and go with the file.
    @Test func theFileDecides() async throws {
        let fixture = try await PipelineFixture("tabfile")
        try await Workload.createTables(fixture, rows: 100)
        try await fixture.sql(Self.later)
        func file(_ collections: String...) throws -> [String] {
            try fixture.configuration("collections:\n" + collections.map { "  \($0)" }.joined(separator: "\n"))
        }
        let items = "items: { from: public.items }"
        try await fixture.catchUp(arguments: try file(items))
        let both = try file(items, "afterwards: { from: public.later }")
        try await fixture.catchUp(arguments: both)
        #expect(try await fixture.inspector.count("afterwards") == 4000)
        try await fixture.sql("UPDATE public.later SET n = 0 WHERE id = 1")
        let pairs = "pairs: { from: public.pairs }"
        try await fixture.catchUp(arguments: try file(items, pairs))
        #expect(try await fixture.tableState("later") == nil)
        #expect(try await fixture.inspector.document("afterwards", 1)?["n"] == 1)
        #expect(try await fixture.compare(excluding: ["later"]) == [])
        try await fixture.refused(
            78, "there is no table public.nobody", arguments: try file(items, pairs, "n: { from: public.nobody }"))
        // By its new name.
        try await fixture.sql("ALTER TABLE public.pairs RENAME TO couples")
        try await fixture.refused(78, "'collections' names it public.pairs", arguments: try file(items, pairs))
        try await fixture.sql("UPDATE public.couples SET body = 'renamed'")
        try await fixture.catchUp(arguments: try file(items, "pairs: { from: public.couples }"))
        #expect(try await fixture.tableState("couples")?["collection"] == "pairs")
        try await fixture.sql("ALTER TABLE public.couples RENAME TO pairs")
        // With the other rule: schemas and exclusions.
        let excluded = try await PipelineFixture("tabexcl")
        try await Workload.createTables(excluded, rows: 20)
        try await excluded.catchUp()
        try await excluded.catchUp(arguments: ["--exclude", "public.pairs"])
        #expect(try await excluded.tableState("pairs") == nil)
        try await excluded.catchUp(arguments: ["--adopt"])
        #expect(try await excluded.compare() == [])
    }

    /// The worker goes on once an owner has run what is printed.
    @Test func aRoleThatMayNotPublish() async throws {
        let fixture = try await PipelineFixture("tabrole")
        try await Workload.createTables(fixture, rows: 20)
        let role = uniqueName("reader")
        try await fixture.sql(
            """
            CREATE ROLE \(role) LOGIN REPLICATION; GRANT USAGE ON SCHEMA public TO \(role);
            GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(role);
            CREATE PUBLICATION wherry_\(fixture.name) FOR TABLE ONLY public.items, ONLY public.pairs;
            """)
        let source = fixture.postgres.uri(user: role, database: fixture.name)
        let wherry = try fixture.command(
            ["run", "--source", source, "--target", fixture.targetURI, "--pipeline", fixture.name]
                + ["--state-database", fixture.stateDatabase, "--log-format", "json"])
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql(Self.later)
        try await fixture.sql("GRANT SELECT ON public.later TO \(role)")
        let added = try await fixture.tables(["add", "public.later"], expecting: 77, source: source)
        let refusal = try BadInputRefusal(added, location: #_sourceLocation)
        #expect(try await fixture.tableState("later")?["membership"] == "joining")
        try await fixture.sql(try refusal.statement)
        try await fixture.waitUntilEqual(wherry)
        #expect(try await wherry.terminate().code == 0)
    }

    /// Killed wherever it is, the next start finishes it.
    @Test func killsLeaveNothingHalfDone() async throws {
        let fixture = try await PipelineFixture("tabkill")
        try await Workload.createTables(fixture, rows: 100)
        let file = try fixture.configuration("schema_changes: pause")
        try await fixture.catchUp(arguments: file)
        var generator = SeededGenerator(seed: 7)
        let workload = Workload(fixture, seed: 42)
        try await workload.working {
            for round in 1...4 {
                try await fixture.sql(Self.later.replacing("later", with: "later\(round)"))
                try await fixture.tables(["add", "public.later\(round)"] + file)
                if round > 1 { try await fixture.tables(["remove", "public.later\(round - 1)"] + file) }
                let wherry = try fixture.wherry(file + ["--workers", "2"])
                try await wherry.waitForLine("it has begun") { $0.message == "starting" }
                try await Task.sleep(for: .milliseconds(Int.random(in: 100...900, using: &generator)))
                try await wherry.kill()
                try await fixture.sql("UPDATE public.later\(round) SET n = n + 1 WHERE id % 3 = 0")
            }
        }
        try await fixture.catchUp(arguments: file)
        #expect(try await fixture.compare(excluding: ["later1", "later2", "later3"]) == [])
        #expect(try await fixture.tableState("later3") == nil)
    }
}
