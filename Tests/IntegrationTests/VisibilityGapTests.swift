import BSON
import DevServers
import Glibc
import Model
import Postgres
import TestSupport
import Testing

/// A transaction whose commit record is written, and sent by the stream, but which no snapshot sees yet: a synchronous
/// standby that never answers holds it there.
@Suite(.onBusyServers) struct VisibilityGapTests {
    private let live = BatchSizes(operations: 150, backfill: "live", chunkRows: 20)

    private static let table = """
        CREATE TABLE public.items (id integer PRIMARY KEY, version bigint NOT NULL, note text);
        INSERT INTO public.items SELECT g, 1, 'note ' || g FROM generate_series(1, 6000) g
        """

    /// Commits a change of every third row and of some keys; returns when the server waits for the standby.
    private func openGap(_ fixture: PipelineFixture) async throws -> Task<Void, any Error> {
        try await fixture.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try await fixture.sql("SELECT pg_reload_conf()")
        let hung = try await fixture.connect()
        let commit = Task {
            _ = try await hung.query(
                """
                SET synchronous_commit = on;
                BEGIN;
                UPDATE public.items SET version = 2 WHERE id % 3 = 0;
                UPDATE public.items SET id = -id, version = 2 WHERE id % 100 = 1;
                DELETE FROM public.items WHERE id % 100 = 2;
                COMMIT
                """)
            await hung.close()
        }
        try await waitUntil("the commit hangs") {
            try await fixture.sql(
                "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE wait_event = 'SyncRep'"
            ).scalar == "1"
        }
        return commit
    }

    private func closeGap(_ fixture: PipelineFixture, _ commit: Task<Void, any Error>) async throws {
        try await fixture.sql("ALTER SYSTEM RESET synchronous_standby_names")
        try await fixture.sql("SELECT pg_reload_conf()")
        try await commit.value
    }

    private func withFixture(_ body: (PipelineFixture) async throws -> Void) async throws {
        try await PipelineFixture.withOwnServers("gap", postgres: [:]) { fixture in
            try await fixture.sql("ALTER DATABASE \(fixture.name) SET synchronous_commit = local")
            try await fixture.sql(VisibilityGapTests.table)
            try await body(fixture)
        }
    }

    private func changed(_ fixture: PipelineFixture) async throws -> Int {
        try await fixture.inspector.documents("items", filter: ["version": .int64(2)]).count
    }

    /// The change is streamed while the chunks that are read meanwhile still show the old rows. The stream has 32 bits of
    /// its transaction's id, snapshots have 64.
    @Test(arguments: [0, 3] as [UInt32]) func chunksReadInTheGapOverwriteNothing(_ epoch: UInt32) async throws {
        try await withFixture { fixture in
            if epoch > 0 {
                try await fixture.postgres.stop()
                try await fixture.postgres.setTransactionEpoch(epoch)
                try await fixture.postgres.start()
                await fixture.reconnect()
            }
            let current = try await fixture.sql("SELECT pg_current_xact_id()").scalar.flatMap { UInt64($0) }
            #expect(current.map { $0 >> 32 } == UInt64(epoch))
            let wherry = try fixture.wherry(limits: live)
            try await wherry.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
            wherry.child.signal(SIGSTOP)
            let commit = try await openGap(fixture)
            wherry.child.signal(SIGCONT)
            try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
            // All of it shows while no snapshot of the source sees any of it.
            #expect(try await fixture.sql("SELECT count(*) FROM public.items WHERE version = 2").scalar == "0")
            try await fixture.waitUntil("the change has arrived", wherry) { try await changed(fixture) >= 2000 }
            try await closeGap(fixture, commit)
            try await fixture.waitUntilCaughtUp(wherry)
            #expect(try await fixture.compare() == [])
            #expect(try await wherry.terminate().code == 0)
        }
    }

    /// What the stream has brought before a restart, the worker after it remembers nothing of.
    @Test func aRestartInTheGapWaitsForIt() async throws {
        try await withFixture { fixture in
            let first = try fixture.wherry(limits: live)
            try await first.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
            first.child.signal(SIGSTOP)
            let commit = try await openGap(fixture)
            first.child.signal(SIGCONT)
            try await fixture.waitUntil("the change has arrived", first) { try await changed(fixture) > 0 }
            try await first.kill()
            #expect(!first.log.contains("backfill finished"), "too fast to say anything")

            let hung = try await fixture.sql(
                "SELECT pid FROM pg_catalog.pg_stat_activity WHERE wait_event = 'SyncRep'"
            ).scalar
            let second = try fixture.wherry(limits: live)
            let line = try await second.waitForLine("it waits") { $0["waiting"]?.contains("backfill waits") == true }
            let names = "pid \(hung ?? "?") (test, role postgres, active) for "
            #expect(line["waiting"]?.contains(names) == true, "\(line["waiting"] ?? "")")
            try await closeGap(fixture, commit)
            try await second.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
            try await fixture.waitUntilCaughtUp(second)
            #expect(try await fixture.compare() == [])
            #expect(try await second.terminate().code == 0)
        }
    }

    /// The stream has brought the change before the backfill is asked for, and remembers nothing of it: only the floor
    /// does.
    @Test func aSecondBackfillInTheGapWaitsForIt() async throws {
        try await withFixture { fixture in
            try await fixture.catchUp()
            let wherry = try fixture.wherry(limits: BatchSizes(chunkRows: 50))
            try await wherry.waitForLine("it streams") { $0["phase"] == "streaming" }
            let commit = try await openGap(fixture)
            try await fixture.waitUntil("the change has arrived", wherry) { try await changed(fixture) >= 2000 }
            try await fixture.backfill("items")
            try await wherry.waitForLine("it waits") { $0["waiting"]?.contains("backfill waits") == true }
            #expect(try await fixture.backfillState("items")?["rows"]?.asInt == 0)
            try await closeGap(fixture, commit)
            try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
            try await fixture.waitUntilCaughtUp(wherry)
            #expect(try await wherry.terminate().code == 0)
            #expect(try await fixture.compare() == [])
        }
    }

    /// A change that had committed when the slot was made is in no stream. A slot that is made with a snapshot waits
    /// for it by itself; what is read after has a fence all the same (`ChunkFilterTests`).
    @Test func aFirstStartInTheGapWaitsForIt() async throws {
        try await withFixture { fixture in
            let commit = try await openGap(fixture)
            let wherry = try fixture.wherry(limits: live)
            try await wherry.waitForLine("it waits") { $0["waiting"]?.contains("slot creation waits") == true }
            try await closeGap(fixture, commit)
            try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
            try await fixture.waitUntilCaughtUp(wherry)
            #expect(try await fixture.compare() == [])
            #expect(try await wherry.terminate().code == 0)
        }
    }
}
