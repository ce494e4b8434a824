import DevServers
import Glibc
import Model
import Postgres
import TestSupport
import Testing

/// How a run ends.
@Suite(.onServers) struct StopTests {
    @Test func untilCaughtUpOnAnIdleAndOnABusySource() async throws {
        let fixture = try await PipelineFixture("until")
        try await Workload.createTables(fixture)
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
        // Nothing at all has happened since.
        try await fixture.catchUp()
        let workload = Workload(fixture, seed: 60)
        try await workload.working {
            let mark = try await fixture.mark()
            try await fixture.catchUp()
            #expect(try await fixture.checkpoint() ?? .zero >= mark)
        }
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    @Test func untilAPosition() async throws {
        let fixture = try await PipelineFixture("lsn")
        try await Workload.createTables(fixture, rows: 10)
        try await fixture.catchUp()
        try await fixture.sql("INSERT INTO public.items (id, version) VALUES (100, 1)")
        let end = try await fixture.sql("SELECT pg_current_wal_insert_lsn()").scalar ?? ""
        let run = try await fixture.runToEnd(["--until-lsn", end])
        #expect(run.child.exitStatus?.code == 0, "\(run.tail)")
        #expect(try await fixture.checkpoint() ?? .zero >= LSN(end) ?? .zero)
        #expect(try await fixture.compare() == [])
    }

    @Test func aSignalEndsItCleanly() async throws {
        let fixture = try await PipelineFixture("sigterm")
        try await Workload.createTables(fixture)
        for signal in [SIGTERM, SIGINT] {
            let wherry = try fixture.wherry(limits: BatchSizes(operations: 150))
            let workload = Workload(fixture, seed: UInt64(signal))
            try await workload.working {
                try await wherry.waitForLine("changes are applied") { $0.int("changes") ?? 0 > 0 }
                wherry.child.signal(signal)
                let status = try await wherry.end(within: .seconds(20))
                #expect(status.code == 0, "\(wherry.tail)")
            }
            // The server may still be reading the last status when the process has ended.
            let checkpoint = try #require(try await fixture.checkpoint())
            try await waitUntil("the slot is at \(checkpoint)", within: .seconds(5)) {
                try await fixture.sql(
                    "SELECT confirmed_flush_lsn = $1::pg_lsn FROM pg_replication_slots WHERE slot_name = $2",
                    [checkpoint.description, "wherry_\(fixture.name)"]
                ).scalar == "t"
            }
        }
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    @Test(arguments: [SIGTERM, SIGINT]) func aSecondSignalEndsItAtOnce(_ signal: Int32) async throws {
        try await PipelineFixture.withOwnServers("second") { fixture in
            try await Workload.createTables(fixture)
            let wherry = try fixture.wherry()
            try await fixture.waitUntilCaughtUp(wherry)
            let hold = try await FailPoint.hold(
                ["commitTransaction"], of: fixture.applicationName, for: .seconds(60), once: true,
                using: fixture.inspector)
            try await fixture.sql("UPDATE public.items SET version = nextval('public.versions')")
            try await hold.waitUntilHolding()
            wherry.child.signal(signal)
            try await wherry.waitForLine("it stops") { $0["signal"] != nil }
            let start = ContinuousClock.now
            wherry.child.signal(signal)
            let status = try await wherry.end(within: .seconds(20))
            #expect(status.code == 128 + signal)
            #expect(ContinuousClock.now - start < .seconds(3))
            try await fixture.catchUp()
            #expect(try await fixture.compare() == [])
        }
    }

    @Test func anIdlePipelineHoldsNoLog() async throws {
        let fixture = try await PipelineFixture("idle")
        try await Workload.createTables(fixture, rows: 10)
        try await fixture.sql("CREATE TABLE public.noise (id serial PRIMARY KEY, text text)")
        let wherry = try fixture.wherry(["--exclude", "public.noise"])
        try await fixture.waitUntilCaughtUp(wherry)
        for _ in 0..<3 {
            // Another database, and a table that isn't published: 8 MB of log each.
            let noise = "SELECT repeat(md5(g::text), 30) FROM generate_series(1, 8000) g"
            try await fixture.sql("INSERT INTO public.noise (text) \(noise)")
            try await fixture.postgres.psql("CREATE TABLE IF NOT EXISTS noise (text text); INSERT INTO noise \(noise)")
            let end = try await fixture.sql("SELECT pg_current_wal_insert_lsn()").scalar ?? ""
            // A checkpoint writes down who is running; the slot lets go of the log at such a place only.
            try await fixture.sql("CHECKPOINT")
            try await fixture.waitUntil("the slot has passed the noise", wherry, within: .seconds(30)) {
                try await fixture.sql(
                    "SELECT confirmed_flush_lsn >= $1::pg_lsn AND restart_lsn >= $1::pg_lsn "
                        + "FROM pg_replication_slots WHERE slot_name = $2", [end, "wherry_\(fixture.name)"]
                ).scalar == "t"
            }
        }
        #expect(try await fixture.compare(excluding: ["noise"]) == [])
        #expect(try await wherry.terminate().code == 0)
    }
}
