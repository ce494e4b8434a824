import ArgumentParser
import Foundation
import Logging
import Model
import Replication
import Testing

@testable import WherryCommand

private let servers = ["WHERRY_SOURCE": "postgres://u:s3cr3t@h/db", "WHERRY_TARGET": "mongodb://u:s3cr3t@h/shop"]

@Suite struct ProgramTests {
    @Test(arguments: [
        [], ["run"], ["snapshot"], ["backfill"], ["check"], ["status"], ["set"], ["pipelines"], ["drop"], ["version"],
    ])
    func help(command: [String]) async {
        let run = await program(command + ["--help"])
        #expect(run.code == 0)
        #expect(run.output.contains("USAGE: wherry \(command.first ?? "<subcommand>")"))
        #expect(run.errors.isEmpty)
    }

    @Test(arguments: [
        (["rnu"], "wherry: unexpected argument 'rnu'", "hint: Did you mean 'wherry run'? See 'wherry --help'."),
        (["run", "--nonsense"], "wherry: unknown option '--nonsense'", "hint: See 'wherry run --help'."),
        (
            ["run", "--until-lsn", "0/x"], "wherry: the value '0/x' is invalid for '--until-lsn <lsn>'",
            "hint: See 'wherry run --help'."
        ),
        (
            ["run", "--until-caught-up", "--until-lsn", "0/1"],
            "wherry: --until-caught-up and --until-lsn can't be used together", "hint: See 'wherry run --help'."
        ),
        (["drop"], "wherry: missing expected argument '<pipeline>'", "hint: See 'wherry drop --help'."),
        (["status", "extra"], "wherry: unexpected argument 'extra'", "hint: See 'wherry status --help'."),
    ])
    func usageErrors(arguments: [String], message: String, hint: String) async {
        let run = await program(arguments)
        #expect(run.code == 64)
        #expect(run.output.isEmpty)
        #expect(run.errors == "\(message)\n\(hint)\n")
    }

    @Test func usageErrorsAsJSON() async throws {
        let run = await program("run", "--json", "--nonsense")
        #expect(run.code == 64)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(run.errors.utf8)) as? [String: Any])
        #expect((object["error"] as? [String: Any])?["kind"] as? String == "usage")
        #expect((object["error"] as? [String: Any])?["exit_code"] as? Int == 64)
    }

    @Test func configurationErrors() async {
        let none = await program("run")
        #expect(none.code == 78)
        #expect(none.errors.hasPrefix("wherry: no source is given\nhint: Set WHERRY_SOURCE, --source or source.uri"))
        let format = await program("run", environment: servers.merging(["WHERRY_LOG_FORMAT": "xml"]) { $1 })
        #expect(format.code == 78)
        #expect(format.errors == "wherry: WHERRY_LOG_FORMAT is 'xml'\nhint: It must be one of text, json.\n")
        let interval = await program("run", "--progress-interval", "0", environment: servers)
        #expect(interval.code == 78 && interval.errors.hasPrefix("wherry: --progress-interval is '0'\n"))
        let file = await program("status", "--config", "/nowhere.yaml", environment: servers)
        #expect(file.code == 78)
    }

    /// Flag over environment over file, all the way through the command line.
    @Test func precedence() async throws {
        let yaml = "pipeline: from_file\nbackfill: {workers: 3}\ntarget: {uri: mongodb://h/shop, state_database: f}\n"
        try await withTemporaryFile(yaml) { path in
            func request(_ arguments: [String], _ environment: [String: String]) throws -> RunRequest {
                let command = try #require(try RootCommand.parseAsRoot(["run"] + arguments) as? RunCommand)
                return try command.request(environment: environment)
            }
            let source = ["WHERRY_SOURCE": "postgres://h/db"]
            let file = try request(["--config", path], source)
            #expect(file.settings.pipeline == "from_file" && file.settings.backfill.workers == 3)
            let environment = source.merging(["WHERRY_CONFIG": path, "WHERRY_PIPELINE": "from_env"]) { $1 }
            let variable = try request([], environment)
            #expect(variable.settings.pipeline == "from_env" && variable.settings.target.stateDatabase == "f")
            let flag = try request(
                [
                    "--pipeline", "from_flag", "--workers", "9", "--schema", "a", "--schema", "b", "--exclude", "a.x",
                    "--adopt", "--until-lsn", "1/2", "--progress-interval", "1m", "--state-database", "s",
                ], environment)
            #expect(flag.settings.pipeline == "from_flag" && flag.settings.backfill.workers == 9)
            #expect(flag.settings.source.schemas == ["a", "b"] && flag.adopts)
            #expect(flag.settings.source.excluded == [TableName(schema: "a", name: "x")])
            #expect(flag.goal == .position(try #require(LSN("1/2"))) && flag.progressInterval == .seconds(60))
            #expect(flag.settings.target.stateDatabase == "s")
            #expect(try request(["--until-caught-up"], environment).goal == .caughtUp)
            #expect(variable.goal == .none && variable.progressInterval == .seconds(10) && !variable.adopts)
        }
    }

    /// Each kind of failure ends every command with its own code.
    @Test(arguments: Failure.Kind.allCases)
    func exitCodes(kind: Failure.Kind) async {
        let failure = Failure(kind, "it failed", hint: "Do something.")
        for command in [
            ["run"], ["snapshot"], ["check"], ["status"], ["set"], ["pipelines"], ["drop", "shop", "--yes"],
        ] {
            let run = await program(
                command, environment: servers, backend: .failing(with: failure))
            #expect(run.code == failure.exitCode.rawValue)
            #expect(run.errors.hasSuffix("wherry: it failed\nhint: Do something.\n"))
            #expect(run.output.isEmpty)
        }
    }

    /// A password planted in the addresses is in nothing that is printed, whichever way a command ends.
    @Test func secretsStaySecret() async throws {
        struct Leaky: Error { let text = "can't connect to postgres://u:s3cr3t@h/db password=s3cr3t" }
        let failures: [any Error] = [
            Leaky(), Failure(.unreachable, "mongodb://u:s3cr3t@h failed", hint: "postgres://u:s3cr3t@h"),
        ]
        let commands = [
            ["run"], ["snapshot"], ["check"], ["status"], ["pipelines"], ["drop", "shop", "--yes"], ["drop", "shop"],
        ]
        for command in commands {
            for format in ["text", "json"] {
                for error in failures {
                    let run = await program(
                        command + ["--log-format", format, "--log-level", "trace"],
                        environment: servers, backend: .failing(with: error), answer: "shop")
                    #expect(run.code != 0)
                    #expect(!run.errors.contains("s3cr3t") && !run.output.contains("s3cr3t"))
                }
            }
        }
        for uri in ["postgres://u:s3cr3t@x@h/db", "password=s3cr3t '", "mysql://u:s3cr3t@h/db"] {
            let run = await program("status", environment: servers.merging(["WHERRY_SOURCE": uri]) { $1 })
            #expect(run.code == 78 && !run.errors.contains("s3cr3t"))
        }
        try await withTemporaryFile("source: {uri: \"postgres://u:s3cr3t@h/db\", slot: [s3cr3t]}") { path in
            let run = await program("status", "--config", path)
            #expect(run.code == 78 && !run.errors.contains("s3cr3t"))
        }
    }

    @Test func checkPrintsAndDecides() async throws {
        var backend = Backend.unused
        backend.check = { settings, _, _ in
            #expect(settings.pipeline == "shop")
            return [Finding(.error, "select", subject: "public.a", "no right to read it", kind: .denied)]
        }
        let text = await program("check", environment: servers, backend: backend)
        #expect(text.code == 77)
        #expect(text.output.hasPrefix("error    public.a: no right to read it\n"))
        #expect(text.errors.isEmpty)
        let json = await program("check", "--json", environment: servers, backend: backend)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(object["ok"] as? Bool == false && object["schema_version"] as? Int == 1)
        backend.check = { _, _, _ in [] }
        #expect(await program("check", environment: servers, backend: backend).code == 0)
    }

    @Test func statusAndPipelinesAndVersion() async {
        var backend = Backend.unused
        backend.status = { _, _ in ReportTests.status.advised() }
        backend.pipelines = { endpoints, _ in
            #expect(endpoints.stateDatabase == "wherry")
            return PipelinesReport(pipelines: [], straySlots: [])
        }
        backend.libraries = { [.init(name: "libpq", version: "15")] }
        let status = await program("status", environment: servers, backend: backend)
        #expect(status.code == 0 && status.output.hasPrefix("pipeline shop: streaming"))
        let pipelines = await program("pipelines", "--json", environment: servers, backend: backend)
        #expect(pipelines.code == 0 && pipelines.output.contains("\"stray_slots\""))
        let version = await program("version", backend: backend)
        #expect(version.output.hasSuffix("  libpq 15\n"))
        #expect(await program("--version").output == VersionReport.version + "\n")
    }

    @Test func dropAsks() async {
        var backend = Backend.unused
        backend.drop = { settings, documents, _ in
            DropReport(
                pipeline: settings.pipeline, slot: settings.source.slot, publication: settings.source.publication,
                state: true, collections: documents ? ["a"] : [])
        }
        let blind = await program("drop", "old", environment: servers, backend: backend)
        #expect(blind.code == 64 && blind.output.isEmpty)
        #expect(blind.errors.contains("hint: Add --yes if you are sure."))
        let wrong = await program("drop", "old", environment: servers, backend: backend, answer: "y")
        #expect(wrong.code == 64 && wrong.errors.contains("wherry: nothing was removed"))
        let right = await program("drop", "old", "--documents", environment: servers, backend: backend, answer: "old")
        #expect(right.code == 0)
        #expect(right.errors.contains("slot 'wherry_old' and publication 'wherry_old'"))
        #expect(right.errors.contains("ALL DOCUMENTS"))
        #expect(right.output.contains("slot         wherry_old removed"))
        #expect(await program("drop", "old", "--yes", environment: servers, backend: backend).code == 0)
        #expect(await program("drop", "No", "--yes", environment: servers, backend: backend).code == 78)
    }

    @Test func errorFormats() {
        func format(_ arguments: [String], _ environment: [String: String] = [:]) -> LogFormat {
            ErrorFormat.of(arguments: arguments, environment: environment)
        }
        #expect(format(["run"]) == .text)
        #expect(format(["run", "--json"]) == .json)
        #expect(format(["run", "--log-format", "json"]) == .json)
        #expect(format(["run", "--log-format=json"]) == .json)
        #expect(format(["run"], ["WHERRY_LOG_FORMAT": "json"]) == .json)
        #expect(format(["run", "--log-format", "text"], ["WHERRY_LOG_FORMAT": "json"]) == .text)
        #expect(format(["run", "--", "--json"]) == .text)
    }
}
