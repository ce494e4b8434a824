import Foundation
import Glibc
import Synchronization

/// A real PostgreSQL cluster on a free loopback port, with `wal_level = logical` and 20 slots and senders.
///
/// Everybody may log in as anybody (`trust`) until `requirePassword(of:)`; the superuser is `postgres`. In `directory`
/// stand `data`, `server.log` and `server.pid`. When this process ends without having stopped it, the server is killed.
package final class PostgresServer: Sendable {
    package enum StopMode: Sendable {
        /// Disconnects everybody and shuts down in order.
        case fast
        /// No shutdown checkpoint; the next start recovers.
        case immediate
    }

    package struct Options: Sendable {
        /// Settings as in postgresql.conf, unquoted; they win over those of this type.
        package var configuration: [String: String] = [:]
        /// Keeps what `directory` holds from an earlier run; otherwise it is deleted first.
        package var keepsData = false
        /// Runs initdb for a system identifier of its own; otherwise the cluster is a copy of one made earlier
        /// (faster).
        package var hasOwnIdentity = false
        /// Lets the server live on when this process ends.
        package var outlivesUs = false
        /// Listens there instead of on a free port.
        package var port: Int?
        /// Where its programs are; those of `PostgresInstallation.find` when nil.
        package var binaries: String?

        package init() {}
    }

    package let directory: String
    private let options: Options
    private let installation: PostgresInstallation
    private let process: ServerProcess
    private let currentPort: Mutex<Int>

    private init(directory: String, options: Options, installation: PostgresInstallation, port: Int) {
        self.directory = directory
        self.options = options
        self.installation = installation
        process = ServerProcess(name: "postgres", directory: directory)
        currentPort = Mutex(port)
    }

    /// Of the server with pgvector that scripts/setup fetches.
    package static var binariesWithVectors: String { "\(DevDirectory.path)/pgvector/pgserver/pginstall/bin" }

    /// The folder of its programs.
    package var binaries: String { installation.binaries }
    package var port: Int { currentPort.withLock { $0 } }
    package var dataDirectory: String { "\(directory)/data" }
    package var logFile: String { process.logFile }
    package var isRunning: Bool { process.isRunning }
    /// The postmaster; nil while stopped.
    package var pid: Int32? { process.identity?.pid }

    /// Makes the cluster and starts it; returns when it accepts connections. A leftover of a killed run is ended first.
    ///
    /// - Throws: `DevServerError`, with the end of the server's log where there is one.
    package static func start(directory: String, options: Options = Options()) async throws -> PostgresServer {
        let directory = URL(fileURLWithPath: directory).path
        let installation = try await PostgresInstallation.find(options.binaries)
        let data = "\(directory)/data"
        try DevDirectory.makeDirectory(directory)
        try await stopLeftover(in: directory)
        if !options.keepsData { try? FileManager.default.removeItem(atPath: data) }
        if !FileManager.default.fileExists(atPath: "\(data)/PG_VERSION") {
            try? FileManager.default.removeItem(atPath: data)
            if options.hasOwnIdentity {
                try await installation.initialise(data)
            } else {
                try await installation.copyTemplate(to: data)
            }
        }
        let server = PostgresServer(
            directory: directory, options: options, installation: installation,
            port: try options.port ?? LoopbackPort.free())
        try await server.writeConfiguration(options.configuration)
        try await server.startOnFreePort()
        return server
    }

    /// Makes a hot standby of a running server, which follows it by streaming, and starts it; returns when it can be
    /// asked.
    package static func startStandby(of primary: PostgresServer, directory: String) async throws -> PostgresServer {
        let directory = URL(fileURLWithPath: directory).path
        try DevDirectory.makeDirectory(directory)
        try await stopLeftover(in: directory)
        var options = primary.options
        options.port = nil
        let standby = PostgresServer(
            directory: directory, options: options, installation: primary.installation, port: try LoopbackPort.free())
        try? FileManager.default.removeItem(atPath: standby.dataDirectory)
        try primary.installation.makePrivateDirectory(standby.dataDirectory)
        let (program, arguments) = primary.installation.words(
            "pg_basebackup",
            ["-d", primary.uri(), "-D", standby.dataDirectory, "--write-recovery-conf", "--checkpoint=fast"],
            reaching: standby.dataDirectory)
        try await Command(program, arguments).succeed()
        try await standby.startOnFreePort()
        return standby
    }

    /// Ends what runs in `directory`, whoever started it; Nothing runs: no error.
    package static func stopLeftover(in directory: String) async throws {
        let directory = URL(fileURLWithPath: directory).path
        try await ServerProcess.endLeftover(
            in: directory, lockFile: "\(directory)/data/postmaster.pid", signal: SIGINT)
    }

    /// Starts it again after `stop` or `kill9`, on the same port.
    package func start() async throws {
        let (program, arguments) = installation.words(
            "postgres", ["-D", dataDirectory, "-c", "port=\(port)"], reaching: dataDirectory)
        try process.launch(program, arguments, deathSignal: options.outlivesUs ? nil : "QUIT")
        try await process.waitUntilReady { try isReady() }
    }

    package func stop(_ mode: StopMode = .fast) async throws {
        process.signalFamily(SIGCONT)
        try await process.stop(signal: mode == .fast ? SIGINT : SIGQUIT)
    }

    package func restart(_ mode: StopMode = .fast) async throws {
        try await stop(mode)
        try await start()
    }

    /// Kills postmaster and backends at once, as when the machine loses power.
    package func kill9() async throws { try await process.kill9() }

    /// Freezes all its processes: connections stay open and nothing answers.
    package func suspend() { process.signalFamily(SIGSTOP) }

    package func resume() { process.signalFamily(SIGCONT) }

    /// Stops it and deletes its directory.
    package func remove() async throws {
        try await stop(.immediate)
        try FileManager.default.removeItem(atPath: directory)
    }

    /// `postgres://user@127.0.0.1:port/database`; the password is percent-encoded into it.
    package func uri(user: String = "postgres", password: String? = nil, database: String = "postgres") -> String {
        let secret = password.map { ":" + ($0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "") }
        return "postgres://\(user)\(secret ?? "")@127.0.0.1:\(port)/\(database)"
    }

    /// Runs SQL through psql in one session, statement by statement, stopping at the first error.
    ///
    /// - Returns: unaligned rows without headers, fields separated by `|`, one row a line.
    @discardableResult
    package func psql(_ sql: String, user: String = "postgres", database: String = "postgres") async throws -> String {
        let output = try await Command(
            "\(installation.binaries)/psql",
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", uri(user: user, database: database)]
        ).succeed(input: sql)
        return output.trimmingCharacters(in: .newlines)
    }

    /// Runs a file through psql, with `variables` as `-v` gives them.
    @discardableResult
    package func psql(
        file: String, user: String = "postgres", database: String = "postgres", variables: [String: String] = [:]
    ) async throws -> String {
        let settings = variables.sorted { $0.key < $1.key }.flatMap { ["-v", "\($0.key)=\($0.value)"] }
        let arguments = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"] + settings + ["-f", file]
        return try await Command(
            "\(installation.binaries)/psql", arguments + [uri(user: user, database: database)]
        ).succeed()
    }

    /// Writes settings beside those of the start and reloads; those that need a restart take effect with the next one.
    package func configure(_ settings: [String: String]) async throws {
        try await writeConfiguration(options.configuration.merging(settings) { $1 })
        process.identity?.signal(SIGHUP)
    }

    /// Transaction ids go on in this epoch (their upper 32 bits). Only after a clean stop, and before there are slots.
    package func setTransactionEpoch(_ epoch: UInt32) async throws {
        let (program, arguments) = installation.words(
            "pg_resetwal", ["-e", "\(epoch)", "-D", dataDirectory], reaching: dataDirectory)
        try await Command(program, arguments).succeed()
    }

    /// From now on these users must give their password (SCRAM); everybody else is still trusted.
    package func requirePassword(of users: [String]) throws {
        let file = "\(dataDirectory)/pg_hba.conf"
        let rules = users.flatMap { user in
            ["all", "replication"].map { "host \($0) \"\(user)\" 127.0.0.1/32 scram-sha-256\n" }
        }
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try overwrite(file, with: rules.joined() + text)
        process.identity?.signal(SIGHUP)
    }

    /// A port that looked free may be taken when the server binds it; then the next one is tried.
    private func startOnFreePort() async throws {
        for attempt in 1... {
            do {
                return try await start()
            } catch let error as DevServerError {
                guard attempt < 5, options.port == nil, error.message.contains("Address already in use") else {
                    throw error
                }
                let port = try LoopbackPort.free()
                currentPort.withLock { $0 = port }
            }
        }
    }

    /// The postmaster says so in line 8 of its pid file, and in line 1 who it is (PostgreSQL, `utils/pidfile.h`).
    private func isReady() throws -> Bool {
        guard let text = try? String(contentsOfFile: "\(dataDirectory)/postmaster.pid", encoding: .utf8) else {
            return false
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count > 7 && Int32(lines[0]) == pid && ["ready", "standby"].contains { lines[7].hasPrefix($0) }
    }

    private func writeConfiguration(_ extra: [String: String]) async throws {
        var settings = [
            "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "wal_level": "logical",
            "max_wal_senders": "20", "max_replication_slots": "20", "log_timezone": "UTC",
        ]
        settings["output_plugin_libraries"] = try await installation.outputPlugins()
        settings.merge(extra) { $1 }
        let lines = settings.sorted { $0.key < $1.key }.map { name, value in
            "\(name) = '\(value.replacingOccurrences(of: "'", with: "''"))'\n"
        }
        try overwrite("\(dataDirectory)/wherry.conf", with: lines.joined())
        let main = "\(dataDirectory)/postgresql.conf"
        let text = try String(contentsOfFile: main, encoding: .utf8)
        let include = "include = 'wherry.conf'\n"
        if !text.hasSuffix(include) { try overwrite(main, with: text + include) }
    }

    /// In place, so that the file keeps its owner; readable by the server's user.
    private func overwrite(_ file: String, with text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        chmod(file, 0o644)
    }
}
