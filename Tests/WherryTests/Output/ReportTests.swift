import Foundation
import Model
import Testing

@testable import WherryCommand

/// The JSON of every report, key by key: scripts depend on it. A change here is a change of the interface.
@Suite struct ReportTests {
    static let slot = SlotReport(
        name: "wherry_shop", database: "db", active: true, walStatus: "extended", heldBytes: 1_200_000_000,
        safeWalSize: 800_000_000, restartLSN: LSN(rawValue: 16), confirmedFlushLSN: LSN(rawValue: 32))

    static var status: StatusReport {
        var report = StatusReport(
            pipeline: "shop", state: "streaming", source: "postgres://u@h/db", target: "mongodb://h/shop",
            worker: .init(
                active: true, pid: 4711, host: "10.0.0.7", application: "wherry shop", since: "2026-11-21T04:00:00.000Z"
            ))
        report.stateSince = "2026-11-21T04:01:00.000Z"
        report.tables = [
            .init(
                table: "public.orders", collection: "orders", rowsEstimated: 1000, rowsCopied: 1010, state: "finished"),
            .init(table: "sales.items", collection: "sales_items", rowsEstimated: 5, rowsCopied: 0, state: "waiting"),
        ]
        report.setPositions(
            applied: LSN(rawValue: 1000), commitTime: SourceTime(microseconds: 0), sourceEnd: LSN(rawValue: 3500),
            now: SourceTime(microseconds: 1_234_567))
        report.slot = slot
        report.transactionsSplit = 2
        report.lastError = .init(
            kind: "source_interrupted", message: "the connection was closed", hint: "It goes on by itself.",
            at: "2026-11-21T03:00:00.000Z")
        return report
    }

    @Test func statusJSON() {
        #expect(
            JSONText.line(Self.status.advised())
                == #"{"applied_commit_time":"2000-01-01T00:00:00.000Z","applied_lsn":"0/3E8","lag_bytes":2500,"lag_seconds":1.234,"last_error":{"at":"2026-11-21T03:00:00.000Z","hint":"It goes on by itself.","kind":"source_interrupted","message":"the connection was closed"},"pipeline":"shop","schema_version":1,"slot":{"active":true,"confirmed_flush_lsn":"0/20","database":"db","held_bytes":1200000000,"name":"wherry_shop","restart_lsn":"0/10","safe_wal_size":800000000,"wal_status":"extended"},"source":"postgres://u@h/db","source_lsn":"0/DAC","state":"streaming","state_since":"2026-11-21T04:01:00.000Z","tables":[{"collection":"orders","rows_copied":1010,"rows_estimated":1000,"state":"finished","table":"public.orders"},{"collection":"sales_items","rows_copied":0,"rows_estimated":5,"state":"waiting","table":"sales.items"}],"target":"mongodb://h/shop","transactions_split":2,"worker":{"active":true,"application":"wherry shop","host":"10.0.0.7","pid":4711,"since":"2026-11-21T04:00:00.000Z"}}"#
        )
    }

    @Test func statusText() {
        #expect(
            Self.status.advised().text == [
                "pipeline shop: streaming since 2026-11-21T04:01:00.000Z",
                "  from postgres://u@h/db",
                "  to   mongodb://h/shop",
                "  worker    active (server process 4711, wherry shop, from 10.0.0.7, since 2026-11-21T04:00:00.000Z)",
                "  position  0/3E8, behind 2.5 kB, 1.2 s",
                "  slot      wherry_shop: active, holds 1.2 GB of WAL (extended), 800 MB to go before it is in danger",
                "  split     2 source transactions did not fit one batch and were visible in parts",
                "",
                "  table          collection   copied  estimated  state",
                "  public.orders  orders        1,010      1,000  finished",
                "  sales.items    sales_items       0          5  waiting",
                "",
                "last error (2026-11-21T03:00:00.000Z): the connection was closed",
                "  hint: It goes on by itself.",
            ])
    }

    @Test func whatABackfillWaitsFor() throws {
        var report = Self.status
        report.waiting = .init(reason: "the backfill pauses: too much", since: "2026-11-21T04:02:00.000Z")
        #expect(report.text.contains("  waiting   since 2026-11-21T04:02:00.000Z: the backfill pauses: too much"))
        let json = #""waiting":{"reason":"the backfill pauses: too much","since":"2026-11-21T04:02:00.000Z"}"#
        #expect(JSONText.line(report).contains(json))
    }

    @Test func statusOfNothing() {
        let report = StatusReport(
            pipeline: "shop", state: "absent", source: "s", target: "t", worker: .init(active: false)
        ).advised()
        #expect(
            JSONText.line(report)
                == #"{"next_step":"nothing is there yet: 'wherry check', then 'wherry run'","pipeline":"shop","schema_version":1,"source":"s","state":"absent","tables":[],"target":"t","worker":{"active":false}}"#
        )
        #expect(report.text.contains("  slot      none"))
    }

    @Test func advice() {
        func step(_ change: (inout StatusReport) -> Void) -> String {
            var report = Self.status
            change(&report)
            return StatusAdvice.nextStep(for: report) ?? ""
        }
        #expect(step { _ in } == "")
        #expect(step { $0.slot = nil }.hasPrefix("the slot is gone, and with it the changes since 0/3E8"))
        let lost = step { $0.slot?.walStatus = "lost" }
        #expect(lost.hasPrefix("the server has removed WAL this slot needed"))
        let unreserved = step { $0.slot?.walStatus = "unreserved" }
        #expect(unreserved.contains("raise it now"))
        let large = step { $0.slot?.heldBytes = 20_000_000_000 }
        #expect(large.hasPrefix("the slot holds 20 GB of WAL"))
        let idle = step { $0.worker = .init(active: false) }
        #expect(idle.hasPrefix("no worker is running, and its slot holds 1.2 GB of WAL on the source"))
        #expect(idle.contains("read the last error above") && idle.contains("'wherry drop shop'"))
        #expect(step { $0.state = "absent" }.hasPrefix("no state is stored, but the slot wherry_shop exists"))
        func once(_ state: String, active: Bool) -> String {
            step { ($0.state, $0.slot, $0.worker) = (state, nil, .init(active: active)) }
        }
        #expect(once("copying_once", active: true) == "")
        #expect(once("copying_once", active: false).hasPrefix("the copy was interrupted, and what the target holds"))
        #expect(once("copied_once", active: false).hasPrefix("the copy is whole"))
    }

    @Test func lagWithoutEverything() {
        var report = Self.status
        report.setPositions(applied: LSN(rawValue: 5), commitTime: nil, sourceEnd: LSN(rawValue: 5), now: nil)
        #expect(report.lagBytes == 0 && report.lagSeconds == 0)
        #expect(report.text.contains("  position  0/5, nothing behind"))
    }

    @Test func pipelines() {
        let report = PipelinesReport(
            pipelines: [
                .init(
                    name: "shop", state: "streaming", targetDatabase: "shop", workerActive: true, appliedLSN: "0/3E8",
                    lagBytes: 0, slot: Self.slot),
                .init(name: "old", state: "backfilling", workerActive: false),
            ],
            straySlots: [SlotReport(name: "wherry_gone", active: false, walStatus: "reserved", heldBytes: 5_000_000)])
        #expect(
            report.text == [
                "pipeline  state        worker  position  behind  slot          holds  WAL",
                "shop      streaming    active  0/3E8        0 B  wherry_shop  1.2 GB  extended",
                "old       backfilling  none                      gone",
                "",
                "slot wherry_gone belongs to no pipeline of this state database: inactive, holds 5.0 MB of WAL (reserved)",
                "  it keeps WAL for nobody: remove it with 'wherry drop gone'",
            ])
        #expect(
            JSONText.line(report)
                == #"{"pipelines":[{"applied_lsn":"0/3E8","lag_bytes":0,"name":"shop","slot":{"active":true,"confirmed_flush_lsn":"0/20","database":"db","held_bytes":1200000000,"name":"wherry_shop","restart_lsn":"0/10","safe_wal_size":800000000,"wal_status":"extended"},"source_is_another":false,"state":"streaming","target_database":"shop","worker_active":true},{"name":"old","source_is_another":false,"state":"backfilling","worker_active":false}],"schema_version":1,"stray_slots":[{"active":false,"held_bytes":5000000,"name":"wherry_gone","wal_status":"reserved"}]}"#
        )
        #expect(PipelinesReport(pipelines: [], straySlots: []).text == ["no pipelines"])
        let once = PipelinesReport(
            pipelines: [.init(name: "once", state: "copying_once", workerActive: false)], straySlots: [])
        #expect(once.text.last == "once      copying_once  none                      none")
    }

    @Test func check() {
        let report = CheckReport(
            pipeline: "shop",
            findings: [
                Finding(.info, "sequences", subject: "source", "3 sequences are not carried"),
                Finding(.warning, "max_slot_wal_keep_size", subject: "source", "it is unlimited", remedy: "Set it."),
                Finding(
                    .error, "wal_level", subject: "source", "wal_level is replica",
                    remedy: "ALTER SYSTEM SET wal_level = logical;\nThen restart PostgreSQL."),
            ])
        #expect(
            report.text == [
                "error    source: wal_level is replica",
                "           ALTER SYSTEM SET wal_level = logical;",
                "           Then restart PostgreSQL.",
                "warning  source: it is unlimited",
                "           Set it.",
                "info     source: 3 sequences are not carried",
                "",
                "1 error: 'wherry run' would refuse to start, 1 warning",
            ])
        #expect(
            JSONText.line(report)
                == #"{"errors":1,"findings":[{"code":"wal_level","message":"wal_level is replica","remedy":"ALTER SYSTEM SET wal_level = logical;\nThen restart PostgreSQL.","severity":"error","subject":"source"},{"code":"max_slot_wal_keep_size","message":"it is unlimited","remedy":"Set it.","severity":"warning","subject":"source"},{"code":"sequences","message":"3 sequences are not carried","severity":"info","subject":"source"}],"ok":false,"pipeline":"shop","schema_version":1,"warnings":1}"#
        )
        #expect(CheckReport(pipeline: "shop", findings: []).text == ["ok: 'wherry run' can start"])
    }

    @Test(arguments: [
        ([Failure.Kind](), ExitCode.ok), ([.configuration], .configuration), ([.configuration, .denied], .denied),
        ([.denied, .unreachable], .unreachable), ([.dataRefused], .configuration),
    ])
    func checkExitCodes(kinds: [Failure.Kind], code: ExitCode) {
        let findings = kinds.map { Finding(.error, "x", subject: "source", "x", kind: $0) }
        let warning = Finding(.warning, "x", subject: "source", "x", kind: .denied)
        #expect(CheckReport(pipeline: "p", findings: findings + [warning]).exitCode == code)
    }

    @Test func dropRunAndVersion() throws {
        let drop = DropReport(
            pipeline: "shop", slot: "wherry_shop", publication: nil, state: true, collections: ["a", "b"],
            keptCollections: ["c"])
        #expect(
            JSONText.line(drop)
                == #"{"collections":["a","b"],"kept_collections":["c"],"pipeline":"shop","schema_version":1,"slot":"wherry_shop","source_is_another":false,"state":true}"#
        )
        #expect(
            drop.text == [
                "slot         wherry_shop removed", "publication  there was none", "state        removed",
                "documents    deleted from a, b",
                "documents    kept in c, which held some before the pipeline began",
            ])
        let elsewhere = DropReport(pipeline: "p", slot: nil, publication: nil, state: true, sourceIsAnother: true)
        #expect(elsewhere.text.first == "slot         left alone: this source is not the pipeline's")
        var board = snapshot(.streaming, tables: [("a", 10, 7, true)])
        board.applied = LSN(rawValue: 255)
        board.changesApplied = 3
        let run = RunReport(pipeline: "shop", outcome: .caughtUp, progress: board, seconds: 1.23456)
        #expect(
            JSONText.line(run)
                == #"{"applied_lsn":"0/FF","changes_applied":3,"outcome":"caught_up","pipeline":"shop","rows_copied":7,"schema_version":1,"seconds":1.235,"transactions_applied":0,"transactions_split":0}"#
        )
        let version = VersionReport(libraries: [.init(name: "libpq", version: "15.20")])
        let parsed = try #require(
            try JSONSerialization.jsonObject(with: Data(version.json.utf8)) as? [String: Any])
        #expect(Set(parsed.keys) == ["schema_version", "version", "build", "swift", "platform", "libraries"])
        #expect(version.text.first?.hasPrefix("wherry \(VersionReport.version) (") == true)
        #expect(version.text.last == "  libpq 15.20")
    }
}
