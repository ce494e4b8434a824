import ArgumentParser
import Foundation
import Model
import Testing

@testable import WherryCommand

private let servers = ["WHERRY_SOURCE": "postgres://u:s3cr3t@h/db", "WHERRY_TARGET": "mongodb://u:s3cr3t@h/shop"]

/// `wherry backfill` with databases that are not there: what it asks for, and what it says.
@Suite struct BackfillCommandTests {
    private func call(_ arguments: String...) throws -> BackfillCall {
        let command = try #require(try RootCommand.parseAsRoot(["backfill"] + arguments) as? BackfillCommand)
        return try command.call(environment: servers)
    }

    @Test func whatItAsksFor() throws {
        let plain = try call("public.orders")
        #expect(plain.table == TableName(schema: "public", name: "orders") && !plain.waits)
        #expect(plain.action == .ask(condition: nil, gone: nil) && plain.settings.pipeline == "shop")
        let all = try call(#"a."b.c""#, "--where", "id > 5", "--gone", "keep", "--mode", "live", "--wait")
        #expect(all.table == TableName(schema: "a", name: "b.c") && all.waits)
        #expect(all.action == .ask(condition: "id > 5", gone: .keep))
        #expect(try call("public.orders", "--pause").action == .order(.pause))
        #expect(try call("public.orders", "--resume", "--wait").action == .order(.resume))
        #expect(try call("public.orders", "--cancel").action == .order(.cancel))
    }

    @Test(arguments: [
        ([], "missing expected argument '<table>'"),
        (["orders"], "'orders' is no schema.table"),
        (["public.a", "--mode", "exported"], "--mode exported is for a new pipeline"),
        (["public.a", "--mode", "none"], "--mode none is for a new pipeline"),
        (["public.a", "--pause", "--cancel"], "--pause, --resume and --cancel can't be used together"),
        (["public.a", "--pause", "--wait"], "--wait is for a backfill that goes on"),
        (["public.a", "--cancel", "--where", "true"], "--where and --gone are for a backfill that begins"),
        (["public.a", "--gone", "maybe"], "the value 'maybe' is invalid for '--gone <gone>'"),
    ])
    func usageErrors(arguments: [String], message: String) async {
        let run = await program(["backfill"] + arguments, environment: servers)
        #expect(run.code == 64 && run.output.isEmpty)
        #expect(run.errors.hasPrefix("wherry: \(message)"), "\(run.errors)")
    }

    private func report(_ outcome: BackfillReport.Outcome, active: Bool) -> BackfillReport {
        BackfillReport(
            pipeline: "shop", table: TableName(schema: "public", name: "orders"), outcome: outcome, workerActive: active
        )
    }

    @Test func theReport() async throws {
        var backend = Backend.unused
        backend.backfill = { call, _, _, _ in
            var report = BackfillReport(
                pipeline: call.settings.pipeline, table: call.table, outcome: .asked, workerActive: true)
            report.condition = "id > 5"
            report.removesGone = false
            report.notice = "kept"
            return report
        }
        let run = await program("backfill", "public.orders", "--json", environment: servers, backend: backend)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(run.code == 0)
        #expect(
            NSDictionary(dictionary: object) == [
                "schema_version": 1, "pipeline": "shop", "table": "public.orders", "outcome": "asked",
                "condition": "id > 5", "removes_gone": false, "notice": "kept", "worker_active": true,
            ])
    }

    @Test func theText() {
        var asked = report(.asked, active: false)
        asked.removesGone = true
        #expect(
            asked.text == [
                "shop: the backfill of public.orders is asked for, documents whose rows are gone are removed",
                "  no worker is active: the next 'wherry run' begins it", "  'wherry status' shows how far it is",
            ])
        var finished = report(.finished, active: true)
        (finished.rowsRead, finished.documentsRemoved) = (1234, 5)
        #expect(
            finished.text == [
                "shop: the backfill of public.orders is finished",
                "  1,234 rows read, 5 documents without a row removed",
            ])
        #expect(report(.paused, active: true).text.last == "  'wherry backfill public.orders --resume' goes on with it")
    }
}
