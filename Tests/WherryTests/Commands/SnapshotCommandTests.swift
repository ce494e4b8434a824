import ArgumentParser
import Foundation
import Model
import Testing

@testable import WherryCommand

private let servers = ["WHERRY_SOURCE": "postgres://u:s3cr3t@h/db", "WHERRY_TARGET": "mongodb://u:s3cr3t@h/shop"]

/// `wherry snapshot` with databases that are not there: what it asks for, and what it says.
@Suite struct SnapshotCommandTests {
    private func request(_ arguments: String...) throws -> SnapshotRequest {
        let command = try #require(try RootCommand.parseAsRoot(["snapshot"] + arguments) as? SnapshotCommand)
        return try command.request(environment: servers)
    }

    private func copied(_ position: LSN?) -> Backend {
        var backend = Backend.unused
        backend.snapshot = { _, progress, _, _ in
            progress.update {
                $0.phase = .copying
                $0.tables = [("orders", 1200), ("items", 34)].map { name, rows in
                    var table = TableProgress(
                        table: TableName(schema: "public", name: name), collection: name, estimatedRows: rows)
                    table.copiedRows = rows
                    table.isFinished = true
                    return table
                }
            }
            return .copied(at: position)
        }
        return backend
    }

    @Test func whatItAsksFor() throws {
        let plain = try request()
        #expect(plain.usesSlot && !plain.adopts && plain.progressInterval == .seconds(10))
        #expect(plain.settings.source.tables == nil && plain.settings.backfill.workers == 2)
        let all = try request(
            "--no-slot", "--adopt", "--workers", "7", "--tables", "a.x, a.y", "--tables", #""b.c"."d,e""#)
        #expect(!all.usesSlot && all.adopts && all.settings.backfill.workers == 7)
        let names = [("a", "x"), ("a", "y"), ("b.c", "d,e")].map { TableName(schema: $0.0, name: $0.1) }
        #expect(all.settings.source.tables == Set(names) && all.settings.source.schemas == ["a", "b.c"])
    }

    @Test func tablesBesideSchemasAreRefused() async {
        let run = await program("snapshot", "--tables", "public.a", "--exclude", "public.b", environment: servers)
        #expect(run.code == 64)
        #expect(run.errors.hasPrefix("wherry: --tables can't be used together with --schema or --exclude\n"))
        let name = await program("snapshot", "--tables", "orders", environment: servers)
        #expect(name.code == 78 && name.errors.hasPrefix("wherry: --tables has 'orders', which is no schema.table\n"))
    }

    @Test func theReportOfACopy() async throws {
        let run = await program(
            "snapshot", "--pipeline", "seed", "--json", environment: servers, backend: copied(LSN(rawValue: 16)))
        #expect(run.code == 0, "\(run.errors)")
        var object = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect((object.removeValue(forKey: "seconds") as? Double ?? -1) >= 0)
        #expect((object.removeValue(forKey: "rows_per_second") as? Int ?? -1) >= 0)
        let tables = object.removeValue(forKey: "tables") as? [[String: Any]]
        #expect(tables?.map { $0["table"] as? String } == ["public.items", "public.orders"])
        #expect(tables?.first?["collection"] as? String == "items" && tables?.first?["rows"] as? Int == 34)
        #expect(
            NSDictionary(dictionary: object) == [
                "schema_version": 1, "pipeline": "seed", "outcome": "copied", "consistent_lsn": "0/10", "rows": 1234,
                "slot": "wherry_seed", "next_command": "wherry run --pipeline seed",
            ])
    }

    @Test func theTextOfACopy() async {
        let run = await program("snapshot", environment: servers, backend: copied(LSN(rawValue: 16)))
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.first?.hasPrefix("shop: 1,234 rows copied in ") == true)
        #expect(
            Array(lines.dropFirst()) == [
                "  consistent at 0/10", "", "  table          collection   rows",
                "  public.items   items          34", "  public.orders  orders      1,200", "",
                "slot wherry_shop keeps what is written until this goes on from there, and holds WAL meanwhile:",
                "  wherry run", "",
            ])
    }

    @Test func withoutASlotNothingGoesOn() async throws {
        let run = await program("snapshot", "--no-slot", "--json", environment: servers, backend: copied(nil))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(run.code == 0 && object["outcome"] as? String == "copied")
        for key in ["slot", "next_command", "consistent_lsn", "since"] { #expect(object[key] == nil) }
    }

    @Test func aCopyThatIsWholeAlready() async {
        var backend = Backend.unused
        backend.snapshot = { _, _, _, _ in .alreadyWhole(since: SourceTime(microseconds: 0)) }
        let run = await program("snapshot", environment: servers, backend: backend)
        #expect(run.code == 0)
        #expect(
            run.output.hasPrefix("shop: the copy is whole since 2000-01-01T00:00:00.000Z, nothing was done\n"))
        #expect(run.output.hasSuffix("\n  wherry run\n"))
    }

    @Test func aStopBeforeTheEnd() async {
        var backend = Backend.unused
        backend.snapshot = { _, _, _, _ in .stopped(isResumable: false) }
        let seed = await program("snapshot", environment: servers, backend: backend)
        #expect(seed.code == 75 && seed.output.isEmpty)
        #expect(seed.errors.contains("wherry: stopped before the copy shop was whole\n"))
        #expect(seed.errors.contains("slot wherry_shop may hold WAL"))
        let once = await program("snapshot", "--no-slot", environment: servers, backend: backend)
        #expect(once.code == 75 && once.errors.contains("Start `wherry snapshot --no-slot` again"))
    }

    /// The command that goes on is called as this one was, but for what could be a secret.
    @Test func theNextCommand() throws {
        func next(_ arguments: String...) throws -> NextCommand {
            let command = try #require(try RootCommand.parseAsRoot(["snapshot"] + arguments) as? SnapshotCommand)
            return NextCommand(connection: command.connection, pipeline: command.pipelineOptions)
        }
        let plain = try next(
            "--config", "my file.yaml", "--source", "postgres://u@h:1/db?sslmode=require", "--target",
            "mongodb://h/shop?replicaSet=rs0", "--pipeline", "p", "--state-database", "s", "--workers", "3",
            "--tables", "public.a", "--adopt")
        #expect(
            plain.text
                == "wherry run --config 'my file.yaml' --source 'postgres://u@h:1/db?sslmode=require' --target "
                + "'mongodb://h/shop?replicaSet=rs0' --pipeline p --state-database s")
        #expect(plain.environment.isEmpty)
        let secrets = [
            "postgres://u:s3cr3t@h/db", "postgres://h/db?password=s3cr3t", "host=h password=s3cr3t",
            "postgres://h/db?sslpassword=s3cr3t", "postgres://h/db?novel=s3cr3t", "postgres://h/db#s3cr3t",
        ]
        for secret in secrets {
            let hidden = try next("--source", secret, "--target", "mongodb://u:s3cr3t@h/shop")
            #expect(hidden.text == "wherry run" && hidden.environment == ["WHERRY_SOURCE", "WHERRY_TARGET"])
        }
        #expect(try next("--source", "host=h dbname='it''s'").text.hasPrefix("wherry run"))
    }
}
