import DevServers
import Foundation
import Glibc

/// One run of the demo on servers that are up: load, replicate under writes, catch up, compare.
struct DemoRun {
    let pair: DevPair
    let directory: String
    let seconds: Int

    private var source: String { pair.postgres.uri(database: "shop") }
    private var target: String { pair.mongo.uri(database: "shop") }
    private var loadReport: String { "\(directory)/load.json" }
    private var connection: [String] { ["--source", source, "--target", target] }

    /// False when a row and its document differ.
    func replicateAndCompare() async throws -> Bool {
        step("loading the shop")
        try await pair.postgres.psql("create database shop")
        for file in ["10_schema", "20_data", "30_writer"] {
            try await pair.postgres.psql(file: "\(checkout)/sql/demo/\(file).sql", database: "shop")
        }

        step("wherry run, while a writer works for \(seconds) s")
        let wherry = try ChildProcess(
            try wherryBinary(), ["run", "--pipeline", "demo"] + connection, ownSession: false)
        let load = try ChildProcess(
            "\(checkout)/scripts/demo-load", connection + ["--seconds", String(seconds), "--report", loadReport])
        let lifelines = try [wherry, load].compactMap(\.identity).map { try Lifeline(of: $0, signal: "KILL") }
        defer { withExtendedLifetime(lifelines) {} }
        do {
            try await finish(load, beside: wherry)
            try await waitUntilApplied(by: wherry)
        } catch {
            load.signal(SIGKILL)
            wherry.signal(SIGTERM)
            _ = await wherry.wait()
            throw error
        }
        wherry.signal(SIGTERM)
        let end = await wherry.wait()
        guard end.isSuccess else { throw DevServerError("wherry \(describe(end)) when asked to stop") }

        step("comparing every row with its document")
        let comparison = try ChildProcess("\(checkout)/scripts/demo-compare", connection + ["--load", loadReport])
        let status = await comparison.wait()
        guard status.code == 0 || status.code == 3 else { throw DevServerError("the comparison \(describe(status))") }
        return status.code == 0
    }

    /// Waits for the writer; Wherry ending first is an error.
    private func finish(_ load: ChildProcess, beside wherry: ChildProcess) async throws {
        try await waitUntil("the writer is done", within: .seconds(seconds + 150), every: .milliseconds(50)) {
            if let end = wherry.exitStatus { throw DevServerError("wherry \(describe(end)) while it should run") }
            return !load.isRunning
        }
        let status = await load.wait()
        guard status.isSuccess else { throw DevServerError("the writer \(describe(status))") }
    }

    /// Waits until the slot says that everything written so far is durable in the target. One more commit behind it
    /// makes sure that there is a position to confirm.
    private func waitUntilApplied(by wherry: ChildProcess) async throws {
        step("waiting until wherry has caught up")
        let end = try await pair.postgres.psql("select pg_current_wal_insert_lsn()", database: "shop")
        try await pair.postgres.psql("update customers set updated_at = now() where id = -1", database: "shop")
        let question = """
            select coalesce(bool_and(confirmed_flush_lsn >= '\(end)'), false) from pg_replication_slots
            where database = 'shop'
            """
        try await waitUntil("wherry has caught up", within: .seconds(120), every: .milliseconds(50)) {
            if let end = wherry.exitStatus { throw DevServerError("wherry \(describe(end)) while it should run") }
            return try await pair.postgres.psql(question, database: "shop") == "t"
        }
    }

    private func describe(_ status: ChildProcess.ExitStatus) -> String {
        status.code.map { "ended with exit code \($0)" } ?? "was ended by signal \(status.signal ?? 0)"
    }

    /// The top of the checkout: `.dev` stands in it.
    private var checkout: String { URL(fileURLWithPath: DevDirectory.path).deletingLastPathComponent().path }

    /// `WHERRY_BINARY`, or the one built beside this program.
    private func wherryBinary() throws -> String {
        if let set = ProcessInfo.processInfo.environment["WHERRY_BINARY"], !set.isEmpty { return set }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("wherry").path
    }
}
