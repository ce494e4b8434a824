import BSON
import DevServers
import TestSupport
import Testing

/// A hot standby as the source: what can't work there is said, and a plain copy is made.
@Suite(.onServers) struct StandbyTests {
    private func withStandby(
        _ body: (_ fixture: PipelineFixture, _ standby: String) async throws -> Void
    ) async throws {
        try await PipelineFixture.withOwnServers("standby", postgres: [:]) { fixture in
            try await fixture.makeItems()
            try await fixture.sql(
                """
                CREATE TABLE public.parts (id integer PRIMARY KEY) PARTITION BY HASH (id);
                CREATE TABLE public.parts_0 PARTITION OF public.parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
                CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
                INSERT INTO public.parts SELECT generate_series(1, 1000);
                """)
            let standby = try await PostgresServer.startStandby(
                of: fixture.postgres, directory: SharedServers.directory(uniqueName("replica")))
            do {
                try await body(fixture, standby.uri(database: fixture.name))
            } catch {
                try? await standby.remove()
                throw error
            }
            try await standby.remove()
        }
    }

    @Test func onlyACopyWithoutASlotWorks() async throws {
        try await withStandby { fixture, standby in
            let words = "the source is a hot standby, and PostgreSQL"
            let check = try fixture.command(["check"] + fixture.connectionWords + ["--source", standby])
            #expect(try await check.end().code == 78)
            #expect(check.output.contains("has no logical slots there"), "\(check.output)")
            #expect(check.output.contains("wherry snapshot --no-slot"), "\(check.output)")
            #expect(!check.output.contains("publication wherry_"), "\(check.output)")
            for mode in ["live", "exported", "none"] {
                let run = try await fixture.runToEnd(["--source", standby], limits: BatchSizes(backfill: mode))
                let refusal = try await fixture.refusal(of: run, 78, words, "no live backfill")
                #expect(refusal.hint.contains("--no-slot"))
            }
            let seed = try await fixture.snapshot(["--source", standby])
            try await fixture.refusal(of: seed, 78, words)
            try await fixture.expectUntouched()

            let copy = try await fixture.snapshot(["--no-slot", "--source", standby])
            #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
            #expect(try await fixture.compare() == [])
        }
    }

    /// The pipeline's slot is at the primary: nothing is lost, and nobody is told to copy again.
    @Test func aPipelineThatMeetsAStandby() async throws {
        try await withStandby { fixture, standby in
            try await fixture.expectEqual()
            try await fixture.sql("UPDATE public.items SET name = 'later'")
            let refusal = try await fixture.refused(78, "is a hot standby, and slot", source: standby)
            #expect(refusal.hint.contains("connect to the primary"))
            let check = try fixture.command(["check"] + fixture.connectionWords + ["--source", standby])
            #expect(try await check.end().code == 78, "\(check.output)")
            #expect(!check.output.contains("wherry drop"), "\(check.output)")
            let words = ["can't read rows beside the stream", "is a hot standby"]
            let backfill = try await fixture.backfillRefused("items", "--source", standby, code: 78, words)
            #expect(backfill.hint.contains("needs the primary"))
            _ = try await fixture.backfillRefused("items", "--source", standby, "--wait", code: 78, words)
            #expect(try await fixture.tableState("items")?["wanted"] == nil)
            try await fixture.backfill("items")
            // A standby that it meets later costs nothing of what was asked.
            try await fixture.refused(78, "is a hot standby", source: standby)
            #expect(try await fixture.tableState("items")?["wanted"]?.asDocument != nil)
            try await fixture.expectEqual()
            #expect(try await fixture.backfillState("items")?["rows"]?.asInt == 10)
        }
    }
}
