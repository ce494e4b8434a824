import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// What a live backfill may cost, and what it says while it waits.
@Suite(.onServers) struct ThrottleTests {
    private func withRows(_ rows: Int, _ prefix: String) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        try await makeRows(rows, fixture)
        return fixture
    }

    private func makeRows(_ rows: Int, _ fixture: PipelineFixture) async throws {
        try await fixture.sql(
            """
            CREATE TABLE public.items (id integer PRIMARY KEY, version bigint NOT NULL, note text);
            INSERT INTO public.items SELECT g, 1, 'note ' || g FROM generate_series(1, \(rows)) g
            """)
    }

    private func finished(_ wherry: WherryProcess, _ fixture: PipelineFixture) async throws {
        try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare() == [])
        #expect(try await wherry.terminate().code == 0)
    }

    /// Both readers together keep to it. (Without a limit this takes less than a second.)
    @Test func theRateIsKept() async throws {
        let fixture = try await withRows(6000, "rate")
        let begin = ContinuousClock.now
        let wherry = try fixture.wherry(limits: BatchSizes(backfill: "live", rowsPerSecond: 1000))
        try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
        #expect(.now - begin > .seconds(5))
        try await finished(wherry, fixture)
    }

    /// At the rate it was started with it would take ten minutes.
    @Test func aWorkerFollowsWhatIsSet() async throws {
        let fixture = try await withRows(6000, "set")
        let wherry = try fixture.wherry(limits: BatchSizes(backfill: "live", rowsPerSecond: 10))
        try await wherry.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
        let report = try await fixture.set("backfill.max_rows_per_second=none")
        let settings = try #require(report["settings"] as? [[String: Any]])
        #expect(
            settings[0]["set"] as? String == "none" && settings[0]["key"] as? String == "backfill.max_rows_per_second")
        try await finished(wherry, fixture)
    }

    /// Set while nobody worked, it applies to the next worker's first chunk.
    @Test func aStoppedPipelineKeepsWhatIsSet() async throws {
        let fixture = try await withRows(6000, "stopped")
        let live = BatchSizes(backfill: "live", rowsPerSecond: 10)
        let first = try fixture.wherry(limits: live)
        try await first.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
        #expect(try await first.terminate().code == 0)
        _ = try await fixture.set("backfill.max_rows_per_second=none")
        try await finished(try fixture.wherry(limits: live), fixture)
        #expect(try await fixture.command("set", "--json")["settings"] != nil)
        let drop = try fixture.command(["drop", fixture.name, "--yes"] + fixture.placeWords)
        #expect(try await drop.end().code == 0)
        let left = try await fixture.inspector.documents("controls", on: fixture.stateDatabase)
        #expect(left.isEmpty)
        let gone = try fixture.command(["set", "--pipeline", fixture.name] + fixture.placeWords)
        #expect(try await gone.end().code == 78)
        #expect(gone.log.contains("knows no pipeline \(fixture.name)"))
    }

    /// Somebody's long transaction makes the slot hold WAL; the readers stop, and only they.
    /// On servers of its own: an open transaction keeps every new slot waiting.
    @Test func itPausesWhileTheSlotHoldsTooMuch() async throws {
        try await PipelineFixture.withOwnServers("held", postgres: [:]) { fixture in
            try await makeRows(6000, fixture)
            let wherry = try fixture.wherry(limits: BatchSizes(backfill: "live", rowsPerSecond: 50))
            try await wherry.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
            let open = try await fixture.connect()
            try await open.query("BEGIN")
            try await open.query("INSERT INTO public.items VALUES (-1, 1, 'open')")
            _ = try await fixture.set("backfill.max_held_wal=1MB")
            try await fixture.sql(
                "SELECT pg_catalog.pg_logical_emit_message(false, 'test', repeat('x', 1000000)) FROM generate_series(1, 4)"
            )
            try await wherry.waitForLine("it pauses") {
                $0["waiting"]?.hasPrefix("the backfill pauses: the slot holds ") == true
            }
            let status = try await fixture.command("status", "--json")
            let waiting = try #require(status["waiting"] as? [String: Any])
            #expect((waiting["reason"] as? String)?.contains("the limit is 1.0 MB (backfill.max_held_wal)") == true)
            #expect((waiting["since"] as? String)?.hasSuffix("Z") == true)

            // What was under way is finished; then nothing is read, and the stream goes on.
            let early = try await wherry.waitForLine("it waits") { $0.int("waiting_seconds") ?? 0 >= 3 }
            let later = try await wherry.waitForLine("it still waits") { $0.int("waiting_seconds") ?? 0 >= 6 }
            #expect(early.int("rows_copied") == later.int("rows_copied"))
            try await fixture.sql("UPDATE public.items SET version = 2 WHERE id <= 10")
            try await fixture.waitUntilCaughtUp(wherry, withEveryRow: false)

            _ = try await fixture.set("backfill.max_held_wal=none", "backfill.max_rows_per_second=none")
            try await wherry.waitForLine("it goes on") { $0.message == "the backfill goes on" }
            try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
            #expect(try await fixture.command("status", "--json")["waiting"] == nil)
            try await open.query("COMMIT")
            await open.close()
            try await finished(wherry, fixture)
        }
    }

    /// A target that takes its time over every commit.
    @Test func itPausesWhileTheStreamIsBehind() async throws {
        try await PipelineFixture.withOwnServers("lag") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            let wherry = try fixture.wherry(limits: BatchSizes(backfill: "live", rowsPerSecond: 50))
            try await wherry.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
            _ = try await fixture.set("backfill.max_lag=1s")
            try await Workload(fixture, seed: 5).working {
                let slow = try await FailPoint.hold(
                    ["commitTransaction"], of: fixture.applicationName, for: .seconds(2), using: fixture.inspector)
                let line = try await wherry.waitForLine("it pauses") {
                    $0["waiting"]?.hasPrefix("the backfill pauses: the stream is ") == true
                }
                #expect(line["waiting"]?.hasSuffix(" s behind, the limit is 1.0 s (backfill.max_lag)") == true)
                try await slow.release()
                try await wherry.waitForLine("it goes on") { $0.message == "the backfill goes on" }
            }
            _ = try await fixture.set("backfill.max_rows_per_second=none", "backfill.max_lag=default")
            try await finished(wherry, fixture)
        }
    }
}

extension PipelineFixture {
    /// `--source … --target … --state-database …`
    fileprivate var placeWords: [String] {
        ["--source", sourceURI, "--target", targetURI, "--state-database", stateDatabase]
    }

    /// Runs a command of the pipeline to its end and returns what it prints; it must end with 0.
    fileprivate func command(_ words: String...) async throws -> [String: Any] {
        let process = try command(words + ["--pipeline", name] + placeWords)
        guard try await process.end().code == 0 else { throw TestFailure("wherry failed: \(process.tail)") }
        let object = try JSONSerialization.jsonObject(with: Data(process.output.utf8))
        return object as? [String: Any] ?? [:]
    }

    fileprivate func set(_ assignments: String...) async throws -> [String: Any] {
        let process = try command(["set", "--json", "--pipeline", name] + assignments + placeWords)
        guard try await process.end().code == 0 else { throw TestFailure("wherry failed: \(process.tail)") }
        return try JSONSerialization.jsonObject(with: Data(process.output.utf8)) as? [String: Any] ?? [:]
    }
}
