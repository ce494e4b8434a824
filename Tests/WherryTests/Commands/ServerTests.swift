import DevServers
import Foundation
import Model
import Testing
import TestSupport

@testable import WherryCommand

/// The commands against real servers: what each of them says over the life of a pipeline, and what is left at its end.
@Suite(.onServers) struct ServerTests {
    /// A source database of its own with one table of three rows, and a target database of the same name.
    private struct Place {
        let name: String
        let postgres: PostgresServer
        let environment: [String: String]

        /// `mongo` in the place of the shared one.
        init(mongo own: MongoServer? = nil) async throws {
            name = uniqueName("cli")
            postgres = try await SharedServers.shared.postgresServer()
            _ = try await postgres.psql("CREATE DATABASE \(name)")
            let mongo: MongoServer
            if let own { mongo = own } else { mongo = try await SharedServers.shared.mongoServer() }
            environment = [
                "WHERRY_SOURCE": postgres.uri(database: name), "WHERRY_TARGET": mongo.uri(database: name),
                "WHERRY_STATE_DATABASE": "\(name)_state", "PATH": "/usr/bin:/bin",
            ]
            try await sql(
                "CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT g, 'x' FROM generate_series(1, 3) g")
        }

        @discardableResult
        func sql(_ text: String) async throws -> String {
            try await postgres.psql(text, database: name).trimmingCharacters(in: .whitespacesAndNewlines)
        }

        func wherry(_ arguments: String...) async -> ProgramRun {
            await program(arguments, environment: environment, backend: Wiring.backend)
        }

        /// The JSON result of a command that ends with `code`.
        func json(_ arguments: String..., code: Int32 = 0, _ location: SourceLocation = #_sourceLocation) async throws
            -> [String: Any]
        {
            let run = await program(arguments + ["--json"], environment: environment, backend: Wiring.backend)
            #expect(run.code == code, "\(run.errors)", sourceLocation: location)
            let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
            return try #require(object as? [String: Any], sourceLocation: location)
        }
    }

    @Test func aPipelinesLife() async throws {
        let place = try await Place()
        let before = try await place.json("status")
        #expect(before["state"] as? String == "absent" && before["slot"] == nil)

        let run = try await place.json("run", "--until-caught-up")
        #expect(run["outcome"] as? String == "caught_up" && run["rows_copied"] as? Int == 3)

        try await place.sql("INSERT INTO a VALUES (4, 'y')")
        let status = try await place.json("status")
        #expect(status["state"] as? String == "streaming")
        #expect((status["worker"] as? [String: Any])?["active"] as? Bool == false)
        #expect((status["slot"] as? [String: Any])?["name"] as? String == "wherry_\(place.name)")
        #expect((status["lag_bytes"] as? Int ?? 0) > 0)
        let tables = try #require(status["tables"] as? [[String: Any]])
        #expect(tables.map { $0["rows_copied"] as? Int } == [3] && tables[0]["state"] as? String == "finished")
        #expect((status["next_step"] as? String)?.hasPrefix("no worker is running") == true)

        let pipelines = try await place.json("pipelines")
        let mine = try #require(pipelines["pipelines"] as? [[String: Any]])
        #expect(mine.map { $0["name"] as? String } == [place.name])
        #expect((mine[0]["slot"] as? [String: Any])?["held_bytes"] as? Int != nil)

        let drop = try await place.json("drop", place.name, "--yes", "--documents")
        #expect(drop["slot"] as? String == "wherry_\(place.name)" && drop["publication"] as? String != nil)
        #expect(drop["collections"] as? [String] == ["a"] && drop["state"] as? Bool == true)
        #expect(
            try await place.sql("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()") == "0")
        #expect(try await place.sql("SELECT count(*) FROM pg_publication") == "0")
        #expect(try await place.json("status")["state"] as? String == "absent")
        #expect(try await place.json("pipelines")["pipelines"] as? [String] == [])
        let again = try await place.json("drop", place.name, "--yes")
        #expect(again["slot"] == nil && again["publication"] == nil && again["state"] as? Bool == false)
    }

    @Test func straySlotsAreListedAndRemoved() async throws {
        let place = try await Place()
        try await place.sql("SELECT pg_create_logical_replication_slot('wherry_\(place.name)', 'pgoutput')")
        func strays() async throws -> [String] {
            let slots = try await place.json("pipelines")["stray_slots"] as? [[String: Any]] ?? []
            return slots.compactMap { $0["name"] as? String }.filter { $0.hasSuffix(place.name) }
        }
        #expect(try await strays() == ["wherry_\(place.name)"])
        #expect(await place.wherry("drop", place.name, "--yes").code == 0)
        #expect(try await strays() == [])
    }

    @Test func checkSeesTypesAndKeys() async throws {
        let place = try await Place()
        #expect(await place.wherry("check").code == 0)
        try await place.sql("CREATE TABLE without_key (x int)")
        let check = try await place.json("check", code: 78)
        let findings = try #require(check["findings"] as? [[String: Any]])
        #expect(
            findings.contains {
                ($0["message"] as? String)?.contains("without_key") == true
                    || ($0["subject"] as? String)?.contains("without_key") == true
            })
        let run = await place.wherry("run", "--until-caught-up")
        #expect(run.code == 78 && run.errors.contains("public.without_key has no primary key"))
        #expect(await place.wherry("check", "--exclude", "public.without_key").code == 0)
        #expect(
            try await place.sql("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()") == "0")
    }

    @Test func checkOfAPipelineThatHasBegun() async throws {
        let place = try await Place()
        #expect(await place.wherry("run", "--until-caught-up").code == 0)
        func findings(code: Int32 = 0) async throws -> [String: [String: Any]] {
            let list = try #require(try await place.json("check", code: code)["findings"] as? [[String: Any]])
            return Dictionary(list.map { ("\($0["code"] ?? "")", $0) }) { first, _ in first }
        }
        // What came later is no reason to refuse a start, however it looks.
        try await place.sql("CREATE TABLE without_key (x int); CREATE TABLE later (id int PRIMARY KEY)")
        let later = try await findings()
        #expect(later["table_not_in_pipeline"]?["severity"] as? String == "warning")
        #expect(later["table_not_in_pipeline"]?["subject"] as? String == "public.without_key")
        #expect(later["table_without_key"] == nil && later["publication"] == nil)
        try await place.sql("DROP TABLE without_key")
        let joining = try await findings()["table_not_in_pipeline"]
        #expect(joining?["severity"] as? String == "info")
        #expect((joining?["message"] as? String)?.contains("public.later joins the pipeline") == true)
        #expect(await place.wherry("run", "--until-caught-up").code == 0)
        #expect(try await findings()["table_not_in_pipeline"] == nil)

        // Under another name it is still the pipeline's.
        try await place.sql("ALTER TABLE a RENAME TO elsewhere; ALTER TABLE later ADD n int")
        let renamed = try await findings()
        #expect(renamed["table_gone"] == nil && renamed["table_not_in_pipeline"] == nil)
        #expect(renamed["table_renamed"]?["subject"] as? String == "public.a")
        #expect(renamed["schema_changed"]?["severity"] as? String == "info")
        try await place.sql("ALTER TABLE elsewhere RENAME TO a")

        // Taken out by an operator, and published all the same: its changes are skipped.
        #expect(await place.wherry("tables", "remove", "public.later").code == 0)
        #expect(await place.wherry("run", "--until-caught-up").code == 0)
        try await place.sql("ALTER PUBLICATION wherry_\(place.name) ADD TABLE later; INSERT INTO later VALUES (1)")
        let left = try #require(try await findings()["table_not_in_pipeline"])
        #expect(left["severity"] as? String == "info")
        #expect((left["message"] as? String)?.contains("its changes are skipped") == true)
        #expect(await place.wherry("run", "--until-caught-up").code == 0)
        let remedy = try #require(left["remedy"] as? String)
        try await place.sql(String(try #require(remedy.split(separator: "run: ").last)))
        #expect(await place.wherry("run", "--until-caught-up").code == 0)

        // What would stop the stream is an error, with the exit code of the start.
        try await place.sql("SELECT pg_drop_replication_slot('wherry_\(place.name)')")
        let lost = try await findings(code: 76)
        #expect(lost["position"]?["severity"] as? String == "error")
        #expect(await place.wherry("run", "--until-caught-up").code == 76)
        #expect(await place.wherry("drop", place.name, "--yes").code == 0)
    }

    /// The pipeline's own slot is fine: nothing may be said of another one that could be mistaken for a gap.
    @Test func checkUnderAnotherSlotName() async throws {
        let place = try await Place()
        #expect(await place.wherry("run", "--until-caught-up").code == 0)
        let file = SharedServers.directory(place.name) + ".yaml"
        try Data("source: { slot: wherry_other }".utf8).write(to: URL(fileURLWithPath: file))
        let check = try await place.json("check", "--config", file, code: 78)
        let errors = (check["findings"] as? [[String: Any]] ?? []).filter { $0["severity"] as? String == "error" }
        #expect(errors.map { $0["code"] as? String } == ["settings_changed"])
        #expect(await place.wherry("drop", place.name, "--yes").code == 0)
    }

    @Test func checkSeesAnUnpublishedTable() async throws {
        let place = try await Place()
        #expect(await place.wherry("run", "--until-caught-up").code == 0)
        try await place.sql("ALTER PUBLICATION wherry_\(place.name) DROP TABLE a")
        let check = try await place.json("check", code: 76)
        let codes = (check["findings"] as? [[String: Any]] ?? []).filter { $0["severity"] as? String == "error" }
        #expect(codes.map { $0["code"] as? String } == ["publication"])
        #expect(await place.wherry("run", "--until-caught-up").code == 76)
        #expect(await place.wherry("drop", place.name, "--yes").code == 0)
    }

    @Test func anUnreachableSourceLeavesHalfAStatus() async throws {
        let place = try await Place()
        #expect(await place.wherry("run", "--until-caught-up").code == 0)
        var environment = place.environment
        environment["WHERRY_SOURCE"] = "postgres://u:s3cr3t@127.0.0.1:1/db"
        let status = await program(
            ["status", "--pipeline", place.name], environment: environment, backend: Wiring.backend)
        #expect(status.code == 69)
        #expect(status.output.hasPrefix("pipeline \(place.name): streaming"))
        #expect(status.output.contains("slot      unknown"))
        #expect(!status.output.contains("s3cr3t") && !status.errors.contains("s3cr3t"))
        #expect(await place.wherry("drop", place.name, "--yes").code == 0)
    }

    /// The worker as a process: it holds its pipeline against a drop, is seen by `status`, and ends on a signal.
    @Test func aRunningWorker() async throws {
        let place = try await Place()
        let worker = try Worker(place.environment)
        defer { worker.kill9() }
        try await waitUntil { worker.log.text.contains(#""message":"streaming""#) }

        #expect((try await place.json("status")["worker"] as? [String: Any])?["active"] as? Bool == true)
        let drop = await place.wherry("drop", place.name, "--yes")
        #expect(drop.code == 75)
        #expect(drop.errors.contains("is worked on already"))

        worker.process.terminate()
        try await waitUntil { !worker.process.isRunning }
        #expect(worker.process.terminationReason == .exit && worker.process.terminationStatus == 0)
        try await waitUntil { worker.log.text.contains(#""outcome":"stopped""#) }
        #expect(await place.wherry("drop", place.name, "--yes").code == 0)
    }

    /// A target that does not answer holds the clean stop up; the second signal does not wait for it.
    @Test func theSecondSignalEndsItAtOnce() async throws {
        let mongo = try await MongoServer.start(directory: SharedServers.directory("mongo_for_signals"))
        let place = try await Place(mongo: mongo)
        let worker = try Worker(place.environment)
        defer { worker.kill9() }
        try await waitUntil { worker.log.text.contains(#""message":"streaming""#) }
        mongo.suspend()
        try await place.sql("INSERT INTO a VALUES (4, 'y')")
        let received = try await place.sql("SELECT pg_current_wal_lsn()")
        try await waitUntil { worker.hasReceived(received) }

        worker.process.terminate()
        try await waitUntil { worker.log.text.contains(#""message":"stop requested"#) }
        worker.process.interrupt()
        try await waitUntil { !worker.process.isRunning }
        #expect(worker.process.terminationReason == .exit && worker.process.terminationStatus == 130)
        mongo.resume()
        #expect(await place.wherry("run", "--until-caught-up").code == 0)
        #expect(await place.wherry("drop", place.name, "--yes").code == 0)
        try await mongo.remove()
    }

    /// `wherry run` as a process, with its log.
    private struct Worker {
        let process = Process()
        let log = TextSink()

        init(_ environment: [String: String]) throws {
            process.executableURL = ProcessTests.binary
            process.arguments = ["run", "--log-format", "json", "--progress-interval", "100ms"]
            process.environment = environment
            let errors = Pipe()
            process.standardError = errors
            let log = log
            errors.fileHandleForReading.readabilityHandler = { handle in
                let data = handle.availableData
                if data.isEmpty { handle.readabilityHandler = nil }
                log.append(String(decoding: data, as: UTF8.self))
            }
            try process.run()
        }

        /// Whether a line of the log says that everything up to `lsn` has arrived.
        func hasReceived(_ lsn: String) -> Bool {
            guard let lsn = LSN(lsn) else { return false }
            return log.text.matches(of: /"received_lsn":"([0-9A-F\/]+)"/).contains {
                LSN($0.output.1).map { $0 >= lsn } == true
            }
        }

        func kill9() {
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
    }
}
