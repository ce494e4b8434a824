import Foundation
import Glibc

/// The PostgreSQL programs of this machine, and how to run them: as the user postgres when we are root, which the
/// server refuses to be.
struct PostgresInstallation: Sendable {
    let binaries: String
    let version: String

    /// Of the programs in a folder; without one `WHERRY_POSTGRES_BIN`, the newest `/usr/lib/postgresql/*/bin`, or the
    /// folder of `postgres` on PATH.
    static func find(_ folder: String? = nil) async throws -> PostgresInstallation {
        let environment = ProcessInfo.processInfo.environment
        let debian = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        var candidates = debian.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
        candidates += (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        if let set = environment["WHERRY_POSTGRES_BIN"], !set.isEmpty { candidates.insert(set, at: 0) }
        if let folder { candidates = [folder] }
        guard let folder = candidates.first(where: { access("\($0)/initdb", X_OK) == 0 }) else {
            throw DevServerError("no PostgreSQL server programs found", hint: "run scripts/setup")
        }
        // "postgres (PostgreSQL) 15.20 (Debian ...)"
        let words = try await Command("\(folder)/postgres", ["--version"]).succeed().split(separator: " ")
        return PostgresInstallation(binaries: folder, version: words.count > 2 ? String(words[2]) : "unknown")
    }

    private var runsAsRoot: Bool { geteuid() == 0 }

    /// The words that run one of its programs as the user the server needs.
    ///
    /// - Parameter directory: what the program must reach; where a folder above it is closed to others (a checkout in
    ///   `/root`), the program keeps the right to pass through.
    func words(_ program: String, _ arguments: [String], reaching directory: String) -> (String, [String]) {
        let path = "\(binaries)/\(program)"
        guard runsAsRoot else { return (path, arguments) }
        var options = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        if !Self.isOpenToOthers(directory) {
            options += ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
        }
        return ("setpriv", options + [path] + arguments)
    }

    /// Makes `path` a folder only the server's user can enter, as initdb wants it.
    func makePrivateDirectory(_ path: String) throws {
        try DevDirectory.makeDirectory(path)
        guard chmod(path, 0o700) == 0 else { throw DevServerError("can't change the mode of \(path)") }
        guard runsAsRoot else { return }
        guard let user = getpwnam("postgres")?.pointee else {
            throw DevServerError("there is no user postgres", hint: "run scripts/setup")
        }
        guard chown(path, user.pw_uid, user.pw_gid) == 0 else {
            throw DevServerError("can't give \(path) to the user postgres")
        }
    }

    /// Copies a cluster made by initdb to `data`. It is made once a version and kept under `.dev/templates`: a copy
    /// takes a tenth of a second where initdb takes one or more. All copies share a system identifier.
    func copyTemplate(to data: String) async throws {
        let template = "\(DevDirectory.path)/templates/postgres-\(version)"
        try await DevDirectory.withLock("templates") {
            if FileManager.default.fileExists(atPath: template) { return }
            try DevDirectory.makeDirectory("\(DevDirectory.path)/templates")
            let unfinished = "\(template).unfinished"
            try? FileManager.default.removeItem(atPath: unfinished)
            try await initialise(unfinished)
            try FileManager.default.moveItem(atPath: unfinished, toPath: template)
        }
        try await Command("cp", ["-a", "--reflink=auto", template, data]).succeed()
    }

    /// Makes a cluster with a system identifier of its own.
    func initialise(_ data: String) async throws {
        try makePrivateDirectory(data)
        let (program, arguments) = words(
            "initdb",
            ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"],
            reaching: data)
        try await Command(program, arguments).succeed()
    }

    /// The value for `output_plugin_libraries` (known since the minor releases of 2026, 15.20 and its siblings); nil
    /// where the server does not know the setting.
    func outputPlugins() async throws -> String? {
        let settings = try await Command("\(binaries)/postgres", ["--describe-config"]).succeed()
        guard settings.split(separator: "\n").contains(where: { $0.hasPrefix("output_plugin_libraries\t") }) else {
            return nil
        }
        let libraries = try await Command("\(binaries)/pg_config", ["--pkglibdir"]).succeed()
        let folder = libraries.trimmingCharacters(in: .whitespacesAndNewlines)
        let hasJSON = FileManager.default.fileExists(atPath: "\(folder)/wal2json.so")
        return hasJSON ? "pgoutput, wal2json" : "pgoutput"
    }

    /// Whether every folder above `path` may be passed through by everybody.
    private static func isOpenToOthers(_ path: String) -> Bool {
        var folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        while folder.path != "/" {
            var status = stat()
            if stat(folder.path, &status) == 0, status.st_mode & S_IXOTH == 0 { return false }
            folder.deleteLastPathComponent()
        }
        return true
    }
}
