import Foundation
import Model
import Testing

@testable import WherryCommand

private let servers = ["WHERRY_SOURCE": "postgres://u:s3cr3t@h/db", "WHERRY_TARGET": "mongodb://u:s3cr3t@h/shop"]

/// `wherry set` with databases that are not there: what it asks for, and what it says.
@Suite struct SetCommandTests {
    @Test func whatItAsksFor() throws {
        let changes = try SetCommand.changes([
            "backfill.max_rows_per_second=500", "backfill.max_lag=90s", "backfill.max_held_wal=10GB",
            "backfill.max_replica_lag=default", "backfill.max_lag=none",
        ])
        #expect(
            changes == [
                .rowsPerSecond: .at(500), .lag: .unlimited, .heldWAL: .at(10_000_000_000), .replicaLag: nil,
            ])
        #expect(try SetCommand.changes([]).isEmpty)
    }

    @Test(arguments: [
        ("backfill.max_lagg=1s", "there is no 'backfill.max_lagg' that", "Did you mean 'backfill.max_lag'?"),
        ("max_held_wal=1GB", "there is no 'max_held_wal' that", "Did you mean 'backfill.max_held_wal'?"),
        ("backfill.workers=4", "there is no 'backfill.workers' that", "Known here: backfill.max_rows_per_second, "),
        ("backfill.max_lag", "'backfill.max_lag' sets nothing", "Write backfill.max_lag=VALUE;"),
        ("backfill.max_lag=0", "backfill.max_lag can't be set to '0'", "It must be a duration from 1ms"),
        ("backfill.max_lag=", "backfill.max_lag can't be set to ''", "It must be a duration from 1ms"),
        ("backfill.max_held_wal=1kB", "backfill.max_held_wal can't be set to '1kB'", "It must be a size of at least"),
        (
            "backfill.max_rows_per_second=0", "backfill.max_rows_per_second can't be set to '0'",
            "It must be a whole number from 1"
        ),
    ])
    func mistakes(word: String, message: String, hint: String) async {
        let run = await program("set", word, environment: servers)
        #expect(run.code == 64 && run.output.isEmpty)
        #expect(run.errors.hasPrefix("wherry: \(message)"), "\(run.errors)")
        #expect(run.errors.contains("\nhint: \(hint)"), "\(run.errors)")
    }

    @Test func whatItSays() async throws {
        var backend = Backend.unused
        backend.set = { settings, changes in
            #expect(settings.pipeline == "other" && changes == [.lag: .at(300_000)])
            return BackfillLimits([.lag: .at(300_000), .heldWAL: .unlimited])
        }
        let words = ["set", "backfill.max_lag=5m", "--pipeline", "other"]
        let yaml = "backfill: {max_rows_per_second: 800, max_held_wal: 20GB}\n"
        try await withTemporaryFile(yaml) { [backend] path in
            let text = await program(words + ["--config", path], environment: servers, backend: backend)
            #expect(text.code == 0, "\(text.errors)")
            #expect(
                text.output == """
                    pipeline other
                      key                           applies  set   configured
                      backfill.max_rows_per_second  800      -     800
                      backfill.max_lag              5m       5m    1m
                      backfill.max_held_wal         none     none  20GB
                      backfill.max_replica_lag      none     -     none

                    """)
            let json = await program(words + ["--config", path, "--json"], environment: servers, backend: backend)
            #expect(
                json.output.filter { !$0.isWhitespace }
                    == #"{"pipeline":"other","schema_version":1,"settings":[{"configured":"800","key":"backfill.max_rows_per_second","value":"800"},{"configured":"1m","key":"backfill.max_lag","set":"5m","value":"5m"},{"configured":"20GB","key":"backfill.max_held_wal","set":"none","value":"none"},{"key":"backfill.max_replica_lag"}]}"#
            )
        }
    }

    /// What is shown can be written.
    @Test(arguments: BackfillLimits.Key.allCases) func textsReadBack(key: BackfillLimits.Key) {
        for value in [1, 999, 1000, 60_000, 90_000, 3_600_000, 1_000_000, 1_048_576, 1_500_000_001, 1 << 30] {
            guard let bound = key.bound(key.text(.at(value))) else { continue }
            #expect(bound == .at(value), "\(key.text(.at(value)))")
        }
        #expect(key.bound(key.text(.unlimited)) == .unlimited)
        #expect(key.bound("default") == nil && key.bound("-1") == nil && key.bound("x") == nil)
    }
}
