import DevServers
import TestSupport
import Testing

@Suite(.onBusyServers) struct LoadTests {
    @Test func everythingIsEqualAfterRandomWork() async throws {
        let fixture = try await PipelineFixture("load")
        try await Workload.createTables(fixture)
        let workload = Workload(fixture, seed: 1)
        let violations = try await VersionWatcher.watching(fixture) { _ in
            let wherry = try fixture.wherry(limits: BatchSizes(operations: 150))
            try await workload.working {
                try await fixture.waitUntil("300 transactions are done", wherry) { workload.transactions >= 300 }
            }
            try await fixture.waitUntilCaughtUp(wherry)
            #expect(try await fixture.compare() == [])
            #expect(try await wherry.terminate().code == 0)
        }
        #expect(violations == [])
    }
}
