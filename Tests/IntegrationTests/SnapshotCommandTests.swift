import BSON
import DevServers
import Foundation
import Glibc
import Model
import Postgres
import TestSupport
import Testing

/// `wherry snapshot` with a slot: what it copies, and how `wherry run` goes on from there.
@Suite(.onServers) struct SnapshotCommandTests {
    /// Rows change before, while and after the seed is made, and nothing is lost.
    @Test func runGoesOnFromTheSeed() async throws {
        let fixture = try await PipelineFixture("seed")
        try await Workload.createTables(fixture, rows: 3000)
        try await fixture.sql(
            "CREATE TABLE public.quiet (id integer PRIMARY KEY); INSERT INTO public.quiet SELECT generate_series(1, 1234)"
        )
        let report = try await Workload(fixture, seed: 70).working {
            let seed = try await fixture.snapshot(["--json", "--workers", "3"])
            #expect(seed.child.exitStatus?.code == 0, "\(seed.tail)")
            return try fixture.report(of: seed)
        }
        #expect(report["outcome"] as? String == "copied" && report["schema_version"] as? Int == 1)
        let state = try #require(try await fixture.state())
        let tables = try #require(report["tables"] as? [[String: Any]])
        #expect(tables.map { $0["table"] as? String } == ["public.items", "public.pairs", "public.quiet"])
        let rows = tables.compactMap { $0["rows"] as? Int }
        #expect(report["rows"] as? Int == rows.reduce(0, +) && rows.last == 1234)
        #expect(report["consistent_lsn"] as? String == (try await fixture.checkpoint())?.description)
        #expect(report["slot"] as? String == "wherry_\(fixture.name)")
        #expect(try await fixture.slots() == "1" && state["stage"]?.asString == "streaming")

        // The command it prints, as it stands there.
        let next = try #require(report["next_command"] as? String)
        let words = next.split(separator: " ").dropFirst().map { $0.filter { $0 != "'" } }
        let run = try fixture.command(words + ["--log-format", "json"])
        try await fixture.waitUntilCaughtUp(run)
        #expect(try await fixture.compare() == [])

        let again = try await fixture.snapshot(["--json"])
        let second = try fixture.report(of: again)
        #expect(again.child.exitStatus?.code == 0 && second["outcome"] as? String == "already_whole")
        #expect(second["since"] != nil && second["next_command"] as? String == next && run.isRunning)
        #expect(try await run.terminate().code == 0)
    }

    @Test func aKilledSeedBeginsAgain() async throws {
        try await PipelineFixture.withOwnServers("seedkill") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            try await fixture.killSnapshot([])
            #expect(try await fixture.inspector.count("items") > 0)
            try await fixture.changeRows()
            let seed = try await fixture.snapshot(["--json"])
            #expect(seed.child.exitStatus?.code == 0, "\(seed.tail)")
            #expect(try fixture.report(of: seed)["outcome"] as? String == "copied")
            #expect(try await fixture.compare() == [])
            try await fixture.sql("DELETE FROM public.items WHERE id % 5 = 0")
            try await fixture.catchUp()
            #expect(try await fixture.compare() == [])
        }
    }

    /// A signal ends it cleanly, and not as if it were whole.
    @Test(arguments: [[], ["--no-slot"]]) func aStoppedCopyIsNotWhole(_ arguments: [String]) async throws {
        try await PipelineFixture.withOwnServers("seedstop") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            let slow = try await FailPoint.hold(
                ["insert"], of: fixture.applicationName, for: .seconds(1), using: fixture.inspector)
            let seed = try fixture.startSnapshot(arguments, limits: BatchSizes(operations: 250))
            try await seed.waitForLine("some rows are copied") { $0.int("rows_copied") ?? 0 > 500 }
            seed.child.signal(SIGTERM)
            try await slow.release()
            let refusal = try await fixture.refusal(of: seed, 75, "stopped before the copy", fixture.name)
            #expect(refusal.hint.contains("wherry drop"))
            #expect(try await fixture.state() != nil)
            let again = try await fixture.snapshot(arguments)
            #expect(again.child.exitStatus?.code == 0, "\(again.tail)")
            #expect(try await fixture.compare() == [])
        }
    }

    @Test func onlySomeTables() async throws {
        let fixture = try await PipelineFixture("seedtables")
        try await fixture.makeItems()
        try await fixture.sql(
            """
            CREATE TABLE public.more (id integer PRIMARY KEY); INSERT INTO public.more VALUES (1);
            CREATE TABLE public."Odd,one" (id integer PRIMARY KEY); INSERT INTO public."Odd,one" VALUES (1);
            CREATE TABLE public.keyless (id integer);
            """)
        let seed = try await fixture.snapshot(["--json", "--tables", #"public.items,public."Odd,one""#])
        #expect(seed.child.exitStatus?.code == 0, "\(seed.tail)")
        let tables = try #require(try fixture.report(of: seed)["tables"] as? [[String: Any]])
        #expect(tables.map { $0["collection"] as? String } == ["Odd,one", "items"])
        #expect(
            try await fixture.sql("SELECT count(*) FROM pg_publication_tables WHERE pubname = 'wherry_\(fixture.name)'")
                .scalar == "2")
        // Kept, without being named again; others are refused.
        try await fixture.sql("UPDATE public.items SET name = 'x'; INSERT INTO public.more VALUES (2)")
        try await fixture.catchUp()
        #expect(try await fixture.compare(excluding: ["more", "keyless"]) == [])
        #expect(try await fixture.inspector.count("more") == 0)
        let same = try await fixture.snapshot(["--tables", #"public."Odd,one""#, "--tables", "public.items"])
        #expect(same.child.exitStatus?.code == 0, "\(same.tail)")
        let other = try await fixture.snapshot(["--tables", "public.more"])
        try await fixture.refusal(of: other, 78, "started with other tables", "public.items")
    }

    @Test func whatIsRefused() async throws {
        let fixture = try await PipelineFixture("seedno")
        try await fixture.makeItems()
        for slot in [[], ["--no-slot"]] {
            let missing = try await fixture.snapshot(slot + ["--tables", "public.items,public.nothing"])
            try await fixture.refusal(of: missing, 78, "there is no table public.nothing")
            try await fixture.expectUntouched()
            try await fixture.inspector.insert([["_id": "theirs"]], into: "items")
            let occupied = try await fixture.snapshot(slot)
            try await fixture.refusal(of: occupied, 78, "already holds documents", "items")
            try await fixture.inspector.command(
                ["delete": "items", "deletes": [["q": [:], "limit": 0]], "writeConcern": ["w": "majority"]])
            try await fixture.expectUntouched()
            let usage = try await fixture.snapshot(slot + ["--tables", "public.items", "--exclude", "public.more"])
            try await fixture.refusal(of: usage, 64, "--tables can't be used together")
        }
    }
}

extension PipelineFixture {
    /// Starts `wherry snapshot` with this fixture's ends.
    func startSnapshot(_ arguments: [String], limits: BatchSizes? = nil) throws -> WherryProcess {
        var words = ["snapshot", "--progress-interval", "100ms"] + connectionWords
        if let limits {
            let file = "\(folder)/snapshot.yaml"
            try Data("apply: {max_batch_operations: \(limits.operations)}".utf8).write(to: URL(filePath: file))
            words += ["--config", file]
        }
        return try command(words + arguments)
    }

    /// Runs `wherry snapshot` to its end.
    func snapshot(_ arguments: [String]) async throws -> WherryProcess {
        let process = try startSnapshot(arguments)
        try await process.end(within: .seconds(120))
        return process
    }

    /// What it printed with `--json`.
    func report(of process: WherryProcess) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(process.output.utf8))
        return try #require(object as? [String: Any], "\(process.tail)")
    }

    /// Starts a snapshot and kills it when some rows are there, and some are not. Needs servers of its own.
    func killSnapshot(_ arguments: [String]) async throws {
        // An insert, or the update that stands for one in an adopted collection.
        let slow = try await FailPoint.hold(
            ["insert", "update"], of: applicationName, for: .seconds(1), using: inspector)
        let seed = try startSnapshot(arguments, limits: BatchSizes(operations: 250))
        try await seed.waitForLine("some rows are copied") { $0.int("rows_copied") ?? 0 > 500 }
        try await seed.kill()
        try await slow.release()
    }

    func changeRows() async throws {
        try await sql(
            """
            UPDATE public.items SET name = 'changed', version = nextval('public.versions') WHERE id % 3 = 0;
            DELETE FROM public.items WHERE id % 7 = 1;
            INSERT INTO public.items (id, version) SELECT 10000 + g, nextval('public.versions')
            FROM generate_series(1, 20) g;
            """)
    }

    /// How many slots the source's database has.
    func slots() async throws -> String? {
        try await sql("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").scalar
    }
}
