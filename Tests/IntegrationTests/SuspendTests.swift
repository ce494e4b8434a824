import BSON
import DevServers
import Glibc
import Postgres
import TestSupport
import Testing

/// A worker that is stopped (SIGSTOP), replaced, and comes back to life.
@Suite(.serialized, .onServers) struct SuspendTests {
    /// A walsender that blocks in writing to a stopped client does not heed pg_terminate_backend; it heeds this.
    private static let settings = ["wal_sender_timeout": "2s"]

    @Test func stoppedBeforeItsCommitItMovesNothingLater() async throws {
        try await PipelineFixture.withOwnServers("suspend", postgres: Self.settings) { fixture in
            try await Workload.createTables(fixture)
            let workload = Workload(fixture, seed: 40)
            let violations = try await VersionWatcher.watching(fixture) { _ in
                for successorLives in [false, true] {
                    let old = try fixture.wherry(limits: BatchSizes(operations: 150))
                    let new = try await workload.working {
                        try await wherryChanges(old, fixture)
                        let hold = try await FailPoint.hold(
                            ["commitTransaction"], of: fixture.applicationName, for: .seconds(60), once: true,
                            using: fixture.inspector)
                        try await hold.waitUntilHolding()
                        old.child.signal(SIGSTOP)
                        return try await takeOver(fixture)
                    }
                    try await comesBack(old, new, successorLives: successorLives, fixture)
                }
            }
            #expect(violations == [])
        }
    }

    @Test func stoppedInTheCopyItMovesNothingLater() async throws {
        try await PipelineFixture.withOwnServers("suspcopy", postgres: Self.settings) { fixture in
            try await Workload.createTables(fixture, rows: 5000)
            let violations = try await VersionWatcher.watching(fixture) { _ in
                let old = try fixture.wherry(limits: BatchSizes(operations: 500))
                let hold = try await FailPoint.hold(
                    ["insert"], of: fixture.applicationName, for: .seconds(1), using: fixture.inspector)
                try await old.waitForLine("rows are copied") { $0.int("rows_copied") ?? 0 > 0 }
                old.child.signal(SIGSTOP)
                try await hold.release()
                try await fixture.sql(
                    "UPDATE public.items SET version = nextval('public.versions') WHERE id % 3 = 0; "
                        + "DELETE FROM public.items WHERE id % 5 = 0")
                let new = try await takeOver(fixture)
                try await comesBack(old, new, successorLives: false, fixture)
            }
            #expect(violations == [])
        }
    }

    private func wherryChanges(_ wherry: WherryProcess, _ fixture: PipelineFixture) async throws {
        try await wherry.waitForLine("changes are applied") { $0.int("changes") ?? 0 > 0 }
    }

    /// Ends the old worker's sessions, as a network that loses it would, and starts another worker.
    private func takeOver(_ fixture: PipelineFixture) async throws -> WherryProcess {
        try await fixture.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
            [fixture.applicationName])
        try await waitUntil("the old worker's sessions are gone") {
            try await fixture.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", [fixture.applicationName]
            ).scalar == "0"
        }
        let start = ContinuousClock.now
        let new = try fixture.wherry(limits: BatchSizes(operations: 150))
        try await fixture.waitUntilCaughtUp(new)
        // The stopped worker's transaction would have held its documents for a minute.
        #expect(ContinuousClock.now - start < .seconds(30))
        return new
    }

    private func comesBack(
        _ old: WherryProcess, _ new: WherryProcess, successorLives: Bool, _ fixture: PipelineFixture
    ) async throws {
        try await fixture.waitUntilCaughtUp(new)
        #expect(try await fixture.compare() == [])
        if !successorLives { #expect(try await new.terminate().code == 0) }
        let before = try await Positions(fixture)
        old.child.signal(SIGCONT)
        let status = try await old.end(within: .seconds(40))
        #expect(status.code == 75, "\(old.tail)")
        #expect(old.tail.contains("another worker has taken pipeline \(fixture.name) over"), "\(old.tail)")
        if successorLives {
            #expect(new.isRunning)
            try await fixture.waitUntilCaughtUp(new)
            #expect(try await new.terminate().code == 0)
        } else {
            let after = try await Positions(fixture)
            #expect(after.state == before.state)
            #expect(after.slot == before.slot)
        }
        #expect(try await fixture.compare() == [])
    }

    /// What only the active worker may move.
    private struct Positions {
        let state: BSONDocument?
        let slot: [String?]

        init(_ fixture: PipelineFixture) async throws {
            state = try await fixture.state()
            slot =
                try await fixture.sql(
                    "SELECT slot_name, restart_lsn, confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1",
                    ["wherry_\(fixture.name)"]
                ).rows.first ?? []
        }
    }
}
