import BSON
import DevServers
import Foundation
import Glibc
import Model
import Postgres
import TestSupport
import Testing

/// A snapshot whose exporting session dies while `wherry snapshot` lives: it goes on beside the slot's stream.
@Suite(.onServers) struct SnapshotFallbackTests {
    /// PostgreSQL is shut down in the middle of the copy, and rows that were copied change before and after.
    @Test func afterAFastShutdownTheSeedIsFinishedLive() async throws {
        try await PipelineFixture.withOwnServers("fastdown", postgres: [:]) { fixture in
            try await makeTables(fixture)
            let seed = try await interruptedSeed(fixture) {
                try await change(fixture)
                try await restart(fixture)
                try await change(fixture)
            }
            try await expectFinishedLive(seed, fixture)
        }
    }

    /// The server ends the sessions alone, that of the slot too.
    @Test func afterItsBackendsWereTerminatedTheSeedIsFinishedLive() async throws {
        try await PipelineFixture.withOwnServers("backends", postgres: [:]) { fixture in
            try await makeTables(fixture)
            let foreign: BSONDocument = ["_id": .int64(-5), "kept": true]
            try await fixture.inspector.insert([foreign], into: "items")
            let seed = try await interruptedSeed(fixture, ["--adopt"]) {
                try await change(fixture)
                try await fixture.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1",
                    ["\(fixture.applicationName)%"])
                try await change(fixture)
            }
            #expect(try await fixture.inspector.document("items", -5) == foreign)
            try await fixture.inspector.command(
                [
                    "delete": "items", "deletes": [["q": ["_id": .int64(-5)], "limit": 1]],
                    "writeConcern": ["w": "majority"],
                ])
            try await expectFinishedLive(seed, fixture)
            // Nothing is left to sweep by.
            let notes = try await fixture.inspector.documents("copied_keys", filter: [:], on: fixture.stateDatabase)
            #expect(notes.isEmpty)
        }
    }

    /// Killed beside the stream, the seed is not whole, and goes on where it was.
    @Test func killedInTheFallbackItIsNotWhole() async throws {
        try await PipelineFixture.withOwnServers("killfall", postgres: [:]) { fixture in
            try await makeTables(fixture)
            let slow = try await hold(fixture)
            let seed = try fixture.startSnapshot([], limits: BatchSizes(operations: 250))
            try await someRows(seed, fixture)
            try await restart(fixture)
            try await seed.waitForLine("it goes on live") { $0.message.contains("beside the stream") }
            try await seed.kill()
            try await slow.release()
            #expect(try await fixture.compare() != [])
            let status = try fixture.command(["status", "--json"] + fixture.connectionWords)
            try await status.end()
            #expect(try fixture.report(of: status)["state"] as? String == "backfilling", "\(status.output)")
            try await change(fixture)
            let next = try await fixture.snapshot(["--json"])
            try await expectFinishedLive(next, fixture)
            // Now it is.
            let again = try await fixture.snapshot(["--json"])
            #expect(try fixture.report(of: again)["outcome"] as? String == "already_whole")
        }
    }

    /// Killed before anything of the fall-back is stored, the copy begins again from nothing.
    @Test func killedBeforeTheFallbackItBeginsAgain() async throws {
        try await PipelineFixture.withOwnServers("killbefore", postgres: [:]) { fixture in
            try await makeTables(fixture)
            let slow = try await hold(fixture)
            let seed = try fixture.startSnapshot([], limits: BatchSizes(operations: 250))
            try await someRows(seed, fixture)
            try await fixture.postgres.stop(.fast)
            try await seed.waitForLine("it has noticed") { $0.message.hasPrefix("interrupted") }
            try await seed.kill()
            try await slow.release()
            try await fixture.postgres.start()
            await fixture.reconnect()
            #expect(try await fixture.state()?["stage"]?.asString == "backfilling")
            try await change(fixture)
            let next = try await fixture.snapshot(["--json"])
            #expect(next.child.exitStatus?.code == 0, "\(next.tail)")
            #expect(try fixture.report(of: next)["finished_live"] == nil)
            #expect(try await fixture.compare() == [])
        }
    }

    /// Without a slot there is nothing to go on with: it says so, and begins again.
    @Test func withoutASlotItBeginsAgain() async throws {
        try await PipelineFixture.withOwnServers("nofall", postgres: [:]) { fixture in
            try await makeTables(fixture)
            let seed = try await interruptedSeed(fixture, ["--no-slot"]) {
                try await change(fixture)
                try await restart(fixture)
            }
            #expect(seed.child.exitStatus?.code == 0, "\(seed.tail)")
            #expect(seed.log.contains("a copy without a slot has no stream"))
            #expect(try fixture.report(of: seed)["finished_live"] == nil)
            #expect(try await fixture.compare() == [])
            #expect(try await fixture.state() == nil)
        }
    }

    /// `wherry run` falls back too, and a pipeline that `wherry run` has begun live is finished by `wherry snapshot`.
    @Test func runAndSnapshotFinishWhatTheOtherBegan() async throws {
        try await PipelineFixture.withOwnServers("runfall", postgres: [:]) { fixture in
            try await makeTables(fixture)
            let slow = try await hold(fixture)
            let run = try fixture.wherry([], limits: BatchSizes(operations: 250, backfill: "exported"))
            try await someRows(run, fixture)
            try await restart(fixture)
            try await run.waitForLine("it goes on live") { $0.message.contains("beside the stream") }
            try await run.kill()
            try await change(fixture)
            try await slow.release()
            let seed = try await fixture.snapshot(["--json"])
            try await expectFinishedLive(seed, fixture)
        }
        let fixture = try await PipelineFixture("liveseed")
        try await makeTables(fixture, rows: 5000)
        let run = try fixture.wherry([], limits: BatchSizes(operations: 150, backfill: "live", chunkRows: 100))
        try await run.waitForLine("it streams") { $0["phase"] == "streaming" }
        try await run.kill()
        try await change(fixture)
        let seed = try await fixture.snapshot(["--json"])
        try await expectFinishedLive(seed, fixture)
    }

    /// Rows are all there, and nothing could go on from them.
    @Test func aSlotLostDuringTheCopy() async throws {
        let settings = ["max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "32MB"]
        try await PipelineFixture.withOwnServers("copylost", postgres: settings) { fixture in
            try await makeTables(fixture)
            let seed = try await interruptedSeed(fixture) {
                var rounds = 0
                while try await status(of: fixture) != "lost", rounds < 20 {
                    rounds += 1
                    try await fixture.sql(
                        "SELECT pg_logical_emit_message(false, '', repeat('x', 1000000)) FROM generate_series(1, 40)")
                    try await fixture.sql("SELECT pg_switch_wal()")
                    try await fixture.sql("CHECKPOINT")
                }
                #expect(try await status(of: fixture) == "lost")
            }
            let refusal = try await fixture.refusal(of: seed, 78, "was lost while the copy was made")
            #expect(refusal.hint.contains("max_slot_wal_keep_size"))
            #expect(try await fixture.state()?["stage"]?.asString == "backfilling")
            #expect(try await fixture.slots() == "0")
            try await fixture.sql("ALTER SYSTEM SET max_slot_wal_keep_size = -1")
            try await fixture.sql("SELECT pg_reload_conf()")
            let again = try await fixture.snapshot([])
            #expect(again.child.exitStatus?.code == 0, "\(again.tail)")
            #expect(try await fixture.compare() == [])
        }
    }

    // MARK: - Parts

    private func status(of fixture: PipelineFixture) async throws -> String? {
        try await fixture.sql("SELECT wal_status FROM pg_replication_slots").scalar
    }

    /// A large table, of which not all is read while the first of it is written, and small ones of which some are whole
    /// when the large one is not.
    private func makeTables(_ fixture: PipelineFixture, rows: Int = 20_000) async throws {
        try await Workload.createTables(fixture, rows: rows)
        for number in 1...4 {
            try await fixture.sql(
                """
                CREATE TABLE public.small_\(number) (id integer PRIMARY KEY, body text);
                INSERT INTO public.small_\(number) SELECT g, md5(g::text) FROM generate_series(1, 100) g;
                """)
        }
    }

    /// Updates, deletes, moves and inserts, in tables that are whole and in others.
    private func change(_ fixture: PipelineFixture) async throws {
        try await fixture.sql(
            """
            UPDATE public.items SET name = name || '!', version = nextval('public.versions') WHERE id % 3 = 0;
            DELETE FROM public.items WHERE id IN (SELECT id FROM public.items WHERE id % 7 = 1 LIMIT 300);
            INSERT INTO public.items (id, version)
            SELECT max(id) + g, nextval('public.versions') FROM public.items, generate_series(1, 20) g GROUP BY g;
            """)
        for number in 1...4 {
            try await fixture.sql(
                """
                DELETE FROM public.small_\(number) WHERE id % 5 = 0 AND id < 10000;
                UPDATE public.small_\(number) SET id = id + 10000 WHERE id < 10000 AND id % 7 = 3;
                """)
        }
    }

    private func restart(_ fixture: PipelineFixture) async throws {
        try await fixture.postgres.restart(.fast)
        await fixture.reconnect()
    }

    private func hold(
        _ fixture: PipelineFixture, for duration: Duration = .milliseconds(100)
    ) async throws -> FailPoint {
        try await FailPoint.hold(
            ["insert", "update"], of: fixture.applicationName, for: duration, using: fixture.inspector)
    }

    /// Returns when some rows are there, and all the others are long in coming.
    private func someRows(_ process: WherryProcess, _ fixture: PipelineFixture) async throws {
        try await process.waitForLine("some rows are copied") {
            $0["phase"] == "copying" && $0.int("rows_copied") ?? 0 > 500
        }
        _ = try await hold(fixture, for: .seconds(1))
    }

    /// A seed that is interrupted by `body` when some rows are there and some are not, at its end.
    private func interruptedSeed(
        _ fixture: PipelineFixture, _ arguments: [String] = [], _ body: () async throws -> Void
    ) async throws -> WherryProcess {
        let slow = try await hold(fixture)
        let seed = try fixture.startSnapshot(["--json"] + arguments, limits: BatchSizes(operations: 250))
        try await someRows(seed, fixture)
        try await body()
        try await slow.release()
        try await seed.end(within: .seconds(120))
        return seed
    }

    private func expectFinishedLive(_ seed: WherryProcess, _ fixture: PipelineFixture) async throws {
        #expect(seed.child.exitStatus?.code == 0, "\(seed.tail)")
        let report = try fixture.report(of: seed)
        #expect(report["finished_live"] as? Bool == true)
        #expect(report["consistent_lsn"] as? String == (try await fixture.checkpoint()?.description))
        // Nothing has changed since: the target is what the source is.
        #expect(try await fixture.compare() == [])
        // And the stream goes on from there.
        try await fixture.sql("UPDATE public.items SET name = 'later' WHERE id % 11 = 0")
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }
}
