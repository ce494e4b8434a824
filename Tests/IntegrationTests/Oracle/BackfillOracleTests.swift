import DevServers
import Foundation
import Synchronization
import TestSupport
import Testing

/// A live backfill under random work, held against the source: after every seed each row equals its document.
@Suite(.onBusyServers) struct BackfillOracleTests {
    private static let environment = ProcessInfo.processInfo.environment

    /// `WHERRY_SEED` repeats one seed: its plan is the same each time, what meets what is not.
    private static let replayed = environment["WHERRY_SEED"].flatMap { UInt64($0) }

    private static let seeds: [UInt64] =
        if let replayed {
            Array(repeating: replayed, count: 20)
        } else {
            Array(1...(environment["WHERRY_SOAK_SEEDS"].flatMap { UInt64($0) } ?? 300))
        }

    /// At once.
    private static let lanes = 6

    private static let configuration = [
        "max_connections": "200", "fsync": "off", "full_page_writes": "off", "autovacuum": "off",
        "deadlock_timeout": "20ms", "synchronous_commit": "local", "synchronous_standby_names": "nobody",
    ]

    @Test func everyRowEqualsItsDocument() async throws {
        try await PipelineFixture.withOwnServers("oracle", postgres: BackfillOracleTests.configuration) { servers in
            let report = OracleReport(seeds: BackfillOracleTests.seeds)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<min(BackfillOracleTests.lanes, BackfillOracleTests.seeds.count) {
                    group.addTask {
                        let lane = try await OracleLane(servers)
                        while let seed = report.next() { report.add(await lane.run(OraclePlan(seed: seed))) }
                    }
                }
                try await group.waitForAll()
            }
            report.finish()
            for failure in report.failures { Issue.record("\(failure)") }
            if BackfillOracleTests.replayed == nil { #expect(report.hazards.missing == []) }
        }
    }
}
