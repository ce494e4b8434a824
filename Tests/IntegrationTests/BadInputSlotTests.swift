import DevServers
import Glibc
import Model
import Postgres
import TestSupport
import Testing

/// Slots and publications that aren't what the pipeline left behind.
@Suite(.onServers) struct BadInputSlotTests {
    private static let place = "WHERE slot_name = $1"

    @Test func aSlotOfSomebodyElse() async throws {
        let fixture = try await PipelineFixture("slotother")
        try await fixture.makeItems()
        let slot = "wherry_\(fixture.name)"
        for plugin in ["pgoutput", nil] {
            try await fixture.sql(
                plugin == nil
                    ? "SELECT pg_create_physical_replication_slot($1)"
                    : "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot])
            let refusal = try await fixture.refused(78, slot)
            #expect(refusal.hint.contains("wherry drop"))
            #expect(try await fixture.state() == nil)
            let left = try await fixture.sql("SELECT plugin FROM pg_replication_slots \(Self.place)", [slot])
            #expect(left.scalar == plugin)
            try await fixture.sql("SELECT pg_drop_replication_slot($1)", [slot])
        }
        try await fixture.expectUntouched()
        try await fixture.expectEqual()
    }

    @Test func aSlotInUseByAnotherClient() async throws {
        let fixture = try await copied("slotused")
        let slot = "wherry_\(fixture.name)"
        // It reads and confirms nothing: a client that confirms makes a gap (`aSlotAheadOfTheCheckpoint`).
        let script = """
            import sys, time, psycopg2, psycopg2.extras
            client = psycopg2.connect(sys.argv[1], application_name='somebody else',
                connection_factory=psycopg2.extras.LogicalReplicationConnection)
            client.cursor().start_replication(slot_name=sys.argv[2],
                options={'proto_version': '1', 'publication_names': sys.argv[2]})
            time.sleep(600)
            """
        let client = try ChildProcess("/usr/bin/python3", ["-c", script, fixture.sourceURI, slot])
        try await waitUntil("the slot is in use", within: .seconds(60)) {
            try await fixture.sql("SELECT active FROM pg_replication_slots \(Self.place)", [slot]).scalar == "t"
        }
        let before = try await fixture.checkpoint()
        let refusal = try await fixture.refused(75, slot, "in use", "somebody else")
        #expect(refusal.hint.contains("pg_terminate_backend"))
        #expect(try await fixture.checkpoint() == before)
        client.signal(SIGKILL)
        _ = await client.wait()
        try await waitUntil("the slot is free", within: .seconds(60)) {
            try await fixture.sql("SELECT active FROM pg_replication_slots \(Self.place)", [slot]).scalar == "f"
        }
        try await fixture.expectEqual()
    }

    @Test func aSlotThatWasDropped() async throws {
        let fixture = try await copied("slotgone")
        try await fixture.sql("SELECT pg_drop_replication_slot($1)", ["wherry_\(fixture.name)"])
        try await fixture.sql("UPDATE public.items SET name = 'lost' WHERE id = 1")
        try await expectGap(fixture, "doesn't exist any more")
        // A new one of the same name does not have the changes either.
        try await fixture.sql(
            "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", ["wherry_\(fixture.name)"])
        try await expectGap(fixture, "is ahead of the checkpoint")
        try await startAnew(fixture)
    }

    @Test func aSlotAheadOfTheCheckpoint() async throws {
        let fixture = try await copied("slotahead")
        try await fixture.sql("UPDATE public.items SET name = 'lost' WHERE id = 1")
        let end = try await fixture.mark()
        try await fixture.sql(
            "SELECT pg_replication_slot_advance($1, $2::pg_lsn)", ["wherry_\(fixture.name)", end.description])
        try await expectGap(fixture, "is ahead of the checkpoint")
        try await startAnew(fixture)
    }

    enum Repair: CaseIterable, Sendable { case drop, acceptGap }

    @Test(arguments: Repair.allCases) func aSlotTheServerGaveUp(_ repair: Repair) async throws {
        let settings = ["max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "32MB"]
        try await PipelineFixture.withOwnServers("slotlost", postgres: settings) { fixture in
            try await fixture.makeItems()
            try await fixture.catchUp()
            try await fixture.sql("CREATE TABLE public.noise (text text)")
            for _ in 1...3 {
                try await fixture.sql(
                    "INSERT INTO public.noise SELECT repeat(md5(g::text), 30) FROM generate_series(1, 16000) g")
                try await fixture.sql("SELECT pg_switch_wal()")
                try await fixture.sql("CHECKPOINT")
            }
            try await fixture.sql(
                """
                UPDATE public.items SET name = 'lost' WHERE id = 1; DELETE FROM public.items WHERE id = 2;
                INSERT INTO public.items VALUES (11, 'unsent'); DROP TABLE public.noise
                """)
            func walStatus() async throws -> String? {
                let slot = "wherry_\(fixture.name)"
                return try await fixture.sql("SELECT wal_status FROM pg_replication_slots \(Self.place)", [slot]).scalar
            }
            #expect(try await walStatus() == "lost")
            try await expectGap(fixture, "is lost")
            switch repair {
            case .drop: try await startAnew(fixture)
            case .acceptGap: try await fixture.expectEqual(arguments: ["--accept-gap"])
            }
            let repaired = try await walStatus()
            #expect(repaired != nil && repaired != "lost")
            try await fixture.sql("UPDATE public.items SET name = 'streamed' WHERE id = 3")
            try await fixture.expectEqual()
        }
    }

    @Test func anotherClusterBehindTheAddress() async throws {
        try await PipelineFixture.withOwnServers("cluster", postgres: [:]) { fixture in
            try await fixture.makeItems()
            try await fixture.catchUp()
            let old = fixture.postgres
            try await old.stop()
            var options = PostgresServer.Options()
            options.hasOwnIdentity = true
            options.port = old.port
            let other = try await PostgresServer.start(
                directory: SharedServers.directory(uniqueName("other")), options: options)
            try await other.psql("CREATE DATABASE \(fixture.name)")
            try await other.psql("CREATE TABLE items (id int PRIMARY KEY, name text)", database: fixture.name)
            let before = try await fixture.state()
            try await fixture.refused(76, "the source is not the one pipeline \(fixture.name) was started with")
            #expect(try await fixture.state() == before)
            #expect(try await fixture.inspector.count("items") == 10)
            let slots = try await other.psql("SELECT count(*) FROM pg_replication_slots")
            #expect(slots == "0")
            try await other.remove()
            try await old.start()
            try await fixture.sqlAgain("SELECT 1")
            try await fixture.expectEqual()
        }
    }

    /// The source goes back to a backup of its files, slot included: it knows nothing of what is applied already.
    @Test func aSourceRestoredFromABackup() async throws {
        try await PipelineFixture.withOwnServers("restored", postgres: [:]) { fixture in
            try await fixture.makeItems()
            try await fixture.catchUp()
            let server = fixture.postgres
            let backup = "\(server.directory)/backup"
            try await server.stop()
            try await copyFiles(server.dataDirectory, backup)
            try await server.start()
            try await fixture.sqlAgain("CREATE TABLE public.noise (id integer PRIMARY KEY, text text)")
            try await fixture.sql(
                "INSERT INTO public.noise SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 20000) g; "
                    + "UPDATE public.items SET name = 'later'")
            try await fixture.catchUp()
            try await server.stop()
            try await copyFiles(backup, server.dataDirectory)
            try await server.start()
            try await fixture.sqlAgain("SELECT 1")
            let before = try await fixture.checkpoint()
            try await expectGap(fixture, "is beyond the end of the source's log")
            #expect(try await fixture.checkpoint() == before)
            try await startAnew(fixture)
        }
    }

    @Test func aPublicationThatDoesNotFit() async throws {
        let fixture = try await PipelineFixture("publication")
        try await fixture.makeItems()
        try await fixture.sql("CREATE TABLE public.more (id integer PRIMARY KEY); INSERT INTO public.more VALUES (1)")
        let name = "wherry_\(fixture.name)"
        try await fixture.sql("CREATE PUBLICATION \(name) FOR TABLE public.items WITH (publish = 'insert')")
        let refusal = try await fixture.refused(78, name, "public.more", "doesn't publish update, delete, truncate")
        #expect(try await fixture.state() == nil)
        try await fixture.sql(try refusal.statement)
        try await fixture.expectEqual()
    }

    // MARK: -

    private func copied(_ prefix: String) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        try await fixture.makeItems()
        try await fixture.catchUp()
        return fixture
    }

    /// Twice, and nothing moves.
    private func expectGap(
        _ fixture: PipelineFixture, _ words: String, location: SourceLocation = #_sourceLocation
    ) async throws {
        let before = try await fixture.checkpoint()
        for _ in 1...2 {
            let refusal = try await fixture.refused(76, words, location: location)
            #expect(refusal.hint.contains("wherry drop"), sourceLocation: location)
        }
        #expect(try await fixture.checkpoint() == before, sourceLocation: location)
    }

    /// What the hint says.
    private func startAnew(_ fixture: PipelineFixture) async throws {
        try await fixture.drop()
        try await fixture.expectEqual()
    }

    private func copyFiles(_ source: String, _ destination: String) async throws {
        for words in [["/bin/rm", "-rf", destination], ["/bin/cp", "-a", source, destination]] {
            let status = try await ChildProcess(words[0], Array(words.dropFirst())).wait()
            guard status.isSuccess else { throw TestFailure("\(words[0]) failed") }
        }
    }
}
