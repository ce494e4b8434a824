import Logging
import Model
import TestSupport
import Testing

@testable import WherryCommand

/// A board with `tables` (name, estimate, copied, finished) in the phase.
func snapshot(
    _ phase: ProgressSnapshot.Phase, tables: [(String, Int, Int, Bool)] = [],
    _ change: (inout ProgressSnapshot) -> Void = { _ in }
) -> ProgressSnapshot {
    var snapshot = ProgressSnapshot()
    snapshot.phase = phase
    snapshot.tables = tables.map { name, estimated, copied, isFinished in
        var table = TableProgress(
            table: TableName(schema: "public", name: name), collection: name, estimatedRows: estimated)
        table.copiedRows = copied
        table.isFinished = isFinished
        return table
    }
    change(&snapshot)
    return snapshot
}

private let origin = ContinuousClock.now

/// The readings of snapshots taken at the given seconds.
private func readings(_ samples: [(Double, ProgressSnapshot)]) -> [ProgressReading] {
    var meter = ProgressMeter()
    return samples.map { seconds, snapshot in
        meter.read(
            ProgressSample(
                snapshot: snapshot, instant: origin + .seconds(seconds),
                now: SourceTime(microseconds: Int64(seconds * 1_000_000))))
    }
}

@Suite struct ProgressMeterTests {
    @Test func ratesAreDifferences() {
        let copying = readings([
            (0, snapshot(.copying, tables: [("a", 1000, 100, false), ("b", 500, 0, false)])),
            (2, snapshot(.copying, tables: [("a", 1000, 300, false), ("b", 500, 100, false)])),
        ])
        #expect(copying[0].rowsPerSecond == nil && copying[0].eta == nil && copying[0].elapsed == .zero)
        #expect(copying[1].rowsPerSecond == 150)
        #expect(copying[1].tableRates == [100, 50])
        #expect(copying[1].rowsCopied == 400 && copying[1].rowsEstimated == 1500)
        #expect(copying[1].eta == .seconds(1100.0 / 150))
    }

    @Test func ratesLookBackOverAWindow() {
        let all = readings(
            (0...20).map { second in
                (Double(second), snapshot(.streaming) { $0.changesApplied = second < 10 ? 0 : (second - 9) * 100 })
            })
        #expect(all[9].changesPerSecond == 0)
        #expect(all[20].changesPerSecond == 100)
    }

    /// A new attempt at the copy starts at nothing again.
    @Test func aCountThatGoesBackIsNoNegativeRate() {
        let all = readings([
            (0, snapshot(.copying, tables: [("a", 10, 9, false)])),
            (1, snapshot(.copying, tables: [("a", 10, 0, false)])),
        ])
        #expect(all[1].rowsPerSecond == 0 && all[1].eta == nil)
    }

    @Test func noEstimateNoETA() {
        let all = readings([
            (0, snapshot(.copying, tables: [("a", -1, 0, false)])),
            (1, snapshot(.copying, tables: [("a", -1, 10, false)])),
        ])
        #expect(all[1].eta == nil && all[1].rowsEstimated == 10)
    }

    @Test func sameInstantTwice() {
        let all = readings([(0, snapshot(.streaming)), (0, snapshot(.streaming) { $0.changesApplied = 5 })])
        #expect(all[1].changesPerSecond == nil)
    }

    @Test func lag() {
        let behind = snapshot(.streaming) {
            $0.applied = LSN(rawValue: 100)
            $0.sourceEnd = LSN(rawValue: 350)
            $0.appliedCommitTime = SourceTime(microseconds: 1_000_000)
        }
        let level = snapshot(.streaming) {
            $0.applied = LSN(rawValue: 350)
            $0.sourceEnd = LSN(rawValue: 350)
        }
        let all = readings([(0.5, behind), (3, behind), (4, level), (5, snapshot(.streaming))])
        #expect(all.map(\.lagBytes) == [250, 250, 0, 0])
        #expect(all.map(\.lagSeconds) == [0, 2, 0, nil])
    }
}

@Suite struct ProgressRendererTests {
    private func lines(_ reading: ProgressReading, columns: Int = 100, rows: Int = 24) -> [String] {
        ProgressRenderer(pipeline: "shop", size: TerminalSize(columns: columns, rows: rows)).lines(reading)
    }

    @Test func copying() {
        let all = readings([
            (
                0,
                snapshot(.copying, tables: [("orders", 2_000_000, 0, false), ("a", 10, 0, false), ("b", 5, 0, false)])
            ),
            (
                4,
                snapshot(
                    .copying, tables: [("orders", 2_000_000, 400_000, false), ("a", 10, 12, true), ("b", 5, 0, false)])
            ),
        ])
        #expect(
            lines(all[1]) == [
                "wherry shop: copying, 4.0 s",
                "  400,012 of about 2,000,017 rows (20 %)   100,000 rows/s   about 16 s left",
                "    public.orders        400,000 rows  20 %  100,000 rows/s",
                "    public.a                  12 rows  done",
                "    public.b                   0 rows  not begun",
            ])
    }

    @Test func manyTablesAreSummedUp() {
        let tables = (0..<30).map { ("t\($0)", 100, $0 < 5 ? 100 : $0 < 18 ? 50 : 0, $0 < 5) }
        let drawn = lines(readings([(0, snapshot(.copying, tables: tables))])[0])
        #expect(drawn.count == 13)
        #expect(drawn[2].contains("public.t5 "))
        #expect(drawn[12] == "  5 of 30 tables done, 12 not begun, 3 more running")
    }

    @Test func streaming() {
        let reading = readings([
            (0, snapshot(.streaming)),
            (
                10,
                snapshot(.streaming) {
                    $0.applied = LSN(rawValue: 0x16_B374_D848)
                    $0.sourceEnd = LSN(rawValue: 0x16_B374_D848 + 2_400_000)
                    $0.appliedCommitTime = SourceTime(microseconds: 9_600_000)
                    $0.changesApplied = 12_400
                    $0.transactionsApplied = 1240
                    $0.batchesApplied = 7
                    $0.waiting = Waiting(reason: "the slot is in use", since: origin + .seconds(3))
                }
            ),
        ])[1]
        #expect(
            lines(reading) == [
                "wherry shop: streaming, 10 s",
                "  position 16/B374D848   behind 2.4 MB, 0.4 s   1,240 changes/s",
                "  12,400 changes in 1,240 transactions, 7 batches",
                "  waiting for 7.0 s: the slot is in use",
            ])
    }

    /// What the target is waited for says more than what the backfill waits for.
    @Test func aWaitingBackfillIsShown() {
        func waiting(_ change: (inout ProgressSnapshot) -> Void) -> ProgressReading {
            readings([
                (
                    9,
                    snapshot(.streaming) {
                        $0.backfillWaiting = Waiting(reason: "the backfill pauses", since: origin)
                        change(&$0)
                    }
                )
            ])[0]
        }
        #expect(lines(waiting { _ in }).last == "  waiting for 9.0 s: the backfill pauses")
        let fields = ProgressLog.metadata(waiting { _ in }, pipeline: "shop").mapValues { "\($0)" }
        #expect(fields["waiting"] == "the backfill pauses" && fields["waiting_seconds"] == "9")
        let both = waiting { $0.waiting = Waiting(reason: "the target is away", since: origin + .seconds(4)) }
        #expect(lines(both).last == "  waiting for 5.0 s: the target is away")
    }

    @Test func startingAndStopping() {
        #expect(lines(readings([(0, snapshot(.starting))])[0]) == ["wherry shop: starting, 0.0 s"])
        let stopping = lines(readings([(0, snapshot(.stopping))])[0])
        #expect(stopping == ["wherry shop: stopping, 0.0 s"])
    }

    /// Whatever is on the board and however small the terminal: nothing wraps and nothing scrolls.
    @Test func neverLargerThanTheTerminal() {
        var random = SeededGenerator(seed: 3)
        let words = ["orders", "日本語テーブル", "a\nb", String(repeating: "long_", count: 20), "x"]
        for _ in 0..<300 {
            let tables = (0..<Int.random(in: 0...40, using: &random)).map { index in
                (
                    words.randomElement(using: &random)! + "\(index)",
                    Int.random(in: -1...Int.max / 100, using: &random),
                    Int.random(in: 0...Int.max / 100, using: &random), Bool.random(using: &random)
                )
            }
            let phase: ProgressSnapshot.Phase = [.starting, .copying, .streaming, .stopping].randomElement(
                using: &random)!
            let board = snapshot(phase, tables: tables) {
                $0.changesApplied = Int.random(in: 0...Int.max / 2, using: &random)
                $0.waiting = Waiting(reason: String(repeating: "because ", count: 30), since: origin)
            }
            let size = TerminalSize(
                columns: Int.random(in: 1...120, using: &random), rows: Int.random(in: 1...30, using: &random))
            let drawn = lines(readings([(0, board)])[0], columns: size.columns, rows: size.rows)
            #expect(drawn.count <= max(1, size.rows - 1))
            #expect(drawn.allSatisfy { DisplayWidth.columns($0) <= max(1, size.columns - 1) })
            #expect(drawn.allSatisfy { !$0.contains("\n") })
        }
    }
}

@Suite struct ProgressLogTests {
    @Test func copyFields() {
        let all = readings([
            (0, snapshot(.copying, tables: [("a", 100, 0, false), ("b", 100, 100, true)])),
            (2, snapshot(.copying, tables: [("a", 100, 50, false), ("b", 100, 100, true)])),
        ])
        let fields = ProgressLog.metadata(all[1], pipeline: "shop")
        let expected: Logger.Metadata = [
            "pipeline": "shop", "phase": "copying", "rows_copied": "150", "rows_estimated": "200", "tables": "2",
            "tables_done": "1", "rows_per_second": "25", "eta_seconds": "2",
        ]
        #expect(fields.mapValues { "\($0)" } == expected.mapValues { "\($0)" })
        #expect("\(ProgressLog.message(all[1]))" == "copying")
    }

    @Test func streamFields() {
        let reading = readings([
            (
                5,
                snapshot(.streaming) {
                    $0.applied = LSN(rawValue: 16)
                    $0.sourceEnd = LSN(rawValue: 16)
                    $0.retries = 2
                    $0.backfill.rowsStale = 3
                    $0.backfill.fenceWaits = 1
                    $0.waiting = Waiting(reason: "for a test", since: origin)
                }
            )
        ])[0]
        let fields = ProgressLog.metadata(reading, pipeline: "shop").mapValues { "\($0)" }
        #expect(fields["applied_lsn"] == "0/10" && fields["lag_bytes"] == "0" && fields["lag_seconds"] == "0.0")
        #expect(fields["waiting"] == "for a test" && fields["waiting_seconds"] == "5" && fields["retries"] == "2")
        #expect(fields["reconnects"] == nil && fields["rows_copied"] == nil)
        #expect(fields["rows_stale"] == "3" && fields["fence_waits"] == "1" && fields["rows_read_again"] == nil)
    }
}
