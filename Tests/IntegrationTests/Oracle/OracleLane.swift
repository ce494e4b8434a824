import BSON
import DevServers
import Model
import Mongo
import Postgres
import TestSupport

/// A place where one seed after the other runs: a database on each server, and sessions that stay open.
actor OracleLane {
    private let fixture: PipelineFixture
    private let pool: MongoPool
    private let plain: [OracleSession]
    private let waiting: [OracleSession]
    /// Tables of the seed before.
    private var left: [OracleTable] = []
    private var current: OracleRun?

    init(_ servers: PipelineFixture) async throws {
        fixture = try await PipelineFixture("oracle", postgres: servers.postgres, mongo: servers.mongo)
        pool = try MongoPool(uri: fixture.targetURI, applicationName: fixture.applicationName)
        let canceller = try await fixture.connect()
        var (plain, waiting): ([OracleSession], [OracleSession]) = ([], [])
        for _ in 0..<3 { plain.append(try await OracleSession(fixture, opensGaps: false, canceller: canceller)) }
        for _ in 0..<2 { waiting.append(try await OracleSession(fixture, opensGaps: true, canceller: canceller)) }
        (self.plain, self.waiting) = (plain, waiting)
    }

    /// Runs one seed from empty servers to the comparison.
    func run(_ plan: OraclePlan) async -> OracleOutcome {
        var outcome = OracleOutcome(plan.seed)
        let gap = OracleGap()
        do {
            try await cleanUp()
            left = plan.tables
            for table in plan.tables { try await fixture.sql(table.setUp) }
            try await replicate(plan, gap, &outcome)
            outcome.differences = try await fixture.compare()
        } catch {
            outcome.differences.append("\(error)")
            outcome.log = current?.log.tail ?? ""
            await current?.cancel()
            for session in plain + waiting { try? await session.reset() }
        }
        current = nil
        return outcome
    }

    private func start(_ plan: OraclePlan) async throws -> OracleRun {
        let run = try await OracleRun(plan, fixture, pool)
        current = run
        return run
    }

    private func replicate(_ plan: OraclePlan, _ gap: OracleGap, _ outcome: inout OracleOutcome) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            func load() {
                for (session, transactions) in zip(plain + waiting, plan.sessions) {
                    group.addTask {
                        for transaction in transactions {
                            try await session.run(transaction, gap: gap)
                            try await Task.sleep(for: transaction.pause)
                        }
                    }
                }
            }
            defer { gap.release() }
            if plan.startsEarly { load() }
            if case .kill(let delay) = plan.interruption {
                let program = try await startProgram(plan)
                if !plan.startsEarly { load() }
                try await Task.sleep(for: delay)
                try await program.kill()
            }
            var run = try await start(plan)
            try await run.waitUntil("it streams") { $0.phase == .streaming }
            switch plan.interruption {
            case .kill: break
            case .cancel(let delay):
                if !plan.startsEarly { load() }
                try await Task.sleep(for: delay)
                await run.cancel()
                outcome.add(run, isRestart: false)
                run = try await start(plan)
            case .disconnect(let delay, let sessions):
                if !plan.startsEarly { load() }
                try await Task.sleep(for: delay)
                try await fixture.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(application_name, $1)",
                    [fixture.applicationName + sessions.rawValue])
            case .cancelInGap:
                if !plan.startsEarly { load() }
                try await cancelInGap(run, gap)
                outcome.add(run, isRestart: false)
                run = try await restartInGap(plan, gap)
            case nil:
                if !plan.startsEarly { load() }
            }
            try await group.waitForAll()
            try await catchUp(run)
            outcome.add(run, isRestart: plan.restarts)
            try await run.stop()
        }
    }

    /// Stops the run while a commit hangs that it has applied.
    private func cancelInGap(_ run: OracleRun, _ gap: OracleGap) async throws {
        gap.hold()
        // The load may be over.
        _ = await eventually(within: .milliseconds(400)) { [fixture] in
            let hanging = try? await fixture.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()")
            return hanging?.scalar != "0"
        }
        let mark = try await fixture.mark()
        try await run.waitUntil("it has the hanging commit") { $0.applied >= mark }
        await run.cancel()
    }

    /// Starts it again, and lets the hanging commit be seen once the run has met it, or seems not to care.
    private func restartInGap(_ plan: OraclePlan, _ gap: OracleGap) async throws -> OracleRun {
        let run = try await start(plan)
        try await run.waitUntil("it streams again") { $0.phase == .streaming }
        _ = await eventually(within: .milliseconds(300)) {
            let progress = run.progress.snapshot()
            return progress.backfill.fenceWaits > 0
                || !progress.tables.isEmpty && progress.tables.allSatisfy(\.isFinished)
        }
        gap.release()
        return run
    }

    /// The program itself, as far as its stream.
    private func startProgram(_ plan: OraclePlan) async throws -> WherryProcess {
        let program = try fixture.wherry(
            limits: BatchSizes(
                operations: plan.batchOperations, backfill: "live", chunkRows: plan.chunkRows, plugin: plan.plugin))
        try await program.waitForLine("it streams") { $0.message == "streaming" }
        return program
    }

    /// Waits until everything that has committed is applied, every row has been read, and none is to be read again.
    private func catchUp(_ run: OracleRun) async throws {
        let mark = try await fixture.mark()
        try await run.waitUntil("everything is applied") { $0.applied >= mark }
        try await run.waitUntil("every row is there") { [fixture] progress in
            guard progress.tables.allSatisfy(\.isFinished) else { return false }
            return try await fixture.hasEveryRow()
        }
    }

    /// Removes what the seed before has left. Not at its end: what a failed seed leaves may be looked at.
    private func cleanUp() async throws {
        // Gone, or of a run whose end the server has not noticed yet.
        while try await fixture.sql(
            "SELECT count(*) FILTER (WHERE active), count(CASE WHEN NOT active THEN "
                + "pg_drop_replication_slot(slot_name)::text END) FROM pg_replication_slots WHERE slot_name = $1",
            [fixture.slot]
        ).scalar != "0" { try await Task.sleep(for: .milliseconds(5)) }
        try await fixture.sql("DROP PUBLICATION IF EXISTS \(fixture.slot)")
        for table in left { try await fixture.sql("DROP TABLE IF EXISTS public.\(table.name)") }
        try await fixture.inspector.command(["dropDatabase": 1])
        try await MongoStateStore(pool: pool, database: fixture.stateDatabase).remove(fixture.name)
    }
}
