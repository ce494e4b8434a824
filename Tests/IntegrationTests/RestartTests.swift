import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// Servers that go away and come back under load.
@Suite(.onServers) struct RestartTests {
    @Test func serversMayGoAwayAndComeBack() async throws {
        try await PipelineFixture.withOwnServers("restart", postgres: ["wal_sender_timeout": "3s"]) { fixture in
            try await Workload.createTables(fixture)
            let workload = Workload(fixture, seed: 30)
            let violations = try await VersionWatcher.watching(fixture) { _ in
                let wherry = try fixture.wherry(limits: BatchSizes(operations: 150))
                try await workload.working {
                    try await fixture.waitUntilCaughtUp(wherry)
                    try await fixture.mongo.restart()
                    try await fixture.waitUntilCaughtUp(wherry)
                    try await fixture.mongo.kill9()
                    try await fixture.mongo.start()
                    try await fixture.waitUntilCaughtUp(wherry)
                    try await fixture.postgres.restart(.fast)
                    try await fixture.waitUntilCaughtUp(wherry)
                    try await fixture.postgres.restart(.immediate)
                    try await fixture.waitUntilCaughtUp(wherry)
                    try await outlastsSenderTimeout(fixture, wherry)
                }
                try await fixture.waitUntilCaughtUp(wherry)
                #expect(try await fixture.compare() == [])
                #expect(workload.interruptions > 0)
                #expect(try await wherry.terminate().code == 0)
            }
            #expect(violations == [])
        }
    }

    /// MongoDB away for longer than wal_sender_timeout: the walsender stays the same, because feedback goes on.
    private func outlastsSenderTimeout(_ fixture: PipelineFixture, _ wherry: WherryProcess) async throws {
        let before = try #require(try await sender(fixture))
        try await fixture.mongo.stop()
        let mark = try #require(try await fixture.sql("SELECT clock_timestamp()::text").scalar)
        try await fixture.waitUntil("feedback came 7 s later still", wherry) {
            try await fixture.sql(
                "SELECT max(reply_time) > $1::timestamptz + interval '7 s' FROM pg_stat_replication", [mark]
            ).scalar == "t"
        }
        #expect(try await sender(fixture) == before)
        try await fixture.mongo.start()
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await sender(fixture) == before)
    }

    private func sender(_ fixture: PipelineFixture) async throws -> String? {
        try await fixture.sql(
            "SELECT pid FROM pg_stat_replication WHERE application_name = $1",
            [fixture.applicationName]
        ).scalar
    }
}
