import Foundation
import Glibc
import Synchronization

/// A real mongod on a free loopback port: a replica set `rs0` of one member, or a standalone server.
///
/// In `directory` stand `data`, `server.log` and `server.pid`. When this process ends without having stopped it, the
/// server is killed.
package final class MongoServer: Sendable {
    package struct Options: Sendable {
        /// False starts a standalone server, which has no transactions.
        package var isReplicaSet = true
        /// More words for mongod's command line.
        package var arguments: [String] = []
        /// WiredTiger's cache in GB, at least 0.25.
        package var cacheSize = 0.5
        /// Turns access control on and creates this user with the role root.
        package var administrator: Credentials?
        /// Keeps what `directory` holds from an earlier run; otherwise it is deleted first.
        package var keepsData = false
        /// Lets the server live on when this process ends.
        package var outlivesUs = false
        /// Listens there instead of on a free port. A replica set that is kept knows its port; see `savedPort`.
        package var port: Int?

        package init() {}
    }

    package struct Credentials: Sendable {
        package let user: String
        package let password: String

        package init(user: String, password: String) {
            self.user = user
            self.password = password
        }
    }

    package let directory: String
    private let options: Options
    private let executable: String
    private let process: ServerProcess
    private let currentPort: Mutex<Int>

    private init(directory: String, options: Options, executable: String, port: Int) {
        self.directory = directory
        self.options = options
        self.executable = executable
        process = ServerProcess(name: "mongod", directory: directory)
        currentPort = Mutex(port)
    }

    package var port: Int { currentPort.withLock { $0 } }
    package var logFile: String { process.logFile }
    package var isRunning: Bool { process.isRunning }
    /// Nil while stopped.
    package var pid: Int32? { process.identity?.pid }

    /// Starts it and returns when it is the primary (or, standalone, when it answers). A leftover of a killed run is
    /// ended first.
    ///
    /// - Throws: `DevServerError`, with the end of the server's log where there is one.
    package static func start(directory: String, options: Options = Options()) async throws -> MongoServer {
        let directory = URL(fileURLWithPath: directory).path
        let data = "\(directory)/data"
        let portFile = "\(directory)/port"
        let executable = try findExecutable()
        try DevDirectory.makeDirectory(directory)
        try await stopLeftover(in: directory)
        if !options.keepsData { try? FileManager.default.removeItem(atPath: data) }
        let isNew = !FileManager.default.fileExists(atPath: "\(data)/WiredTiger")
        try DevDirectory.makeDirectory(data)
        // A replica set's configuration names host and port.
        let saved = isNew ? nil : (try? String(contentsOfFile: portFile, encoding: .utf8)).flatMap { Int($0) }
        let server = MongoServer(
            directory: directory, options: options, executable: executable,
            port: try options.port ?? saved ?? LoopbackPort.free())
        try server.writeKeyFile()
        try await server.startOnFreePort(mayMove: isNew && options.port == nil)
        try Data(String(server.port).utf8).write(to: URL(fileURLWithPath: portFile))
        return server
    }

    /// Ends what runs in `directory`, whoever started it; Nothing runs: no error.
    package static func stopLeftover(in directory: String) async throws {
        let directory = URL(fileURLWithPath: directory).path
        try await ServerProcess.endLeftover(in: directory, lockFile: "\(directory)/data/mongod.lock", signal: SIGTERM)
    }

    /// Starts it again after `stop` or `kill9`, on the same port.
    package func start() async throws {
        var arguments = [
            "--dbpath", "\(directory)/data", "--bind_ip", "127.0.0.1", "--port", String(port), "--nounixsocket",
            "--wiredTigerCacheSizeGB", String(options.cacheSize),
            "--setParameter", "diagnosticDataCollectionEnabled=false",
            // A primary told to stop gives its clients 15 s to notice; nobody here needs them.
            "--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100",
        ]
        if options.isReplicaSet { arguments += ["--replSet", "rs0"] }
        if options.administrator != nil {
            arguments += options.isReplicaSet ? ["--keyFile", keyFile] : ["--auth"]
        }
        try process.launch(executable, arguments + options.arguments, deathSignal: options.outlivesUs ? nil : "KILL")
        try await process.waitUntilReady { try isReady() }
        try createAdministrator()
    }

    /// Shuts down in order.
    package func stop() async throws { try await process.stop(signal: SIGTERM) }

    package func restart() async throws {
        try await stop()
        try await start()
    }

    /// Kills it at once, as when the machine loses power.
    package func kill9() async throws { try await process.kill9() }

    /// Freezes it: connections stay open and nothing answers.
    package func suspend() { process.signalFamily(SIGSTOP) }

    package func resume() { process.signalFamily(SIGCONT) }

    /// Kills it and deletes its directory.
    package func remove() async throws {
        try await kill9()
        try FileManager.default.removeItem(atPath: directory)
    }

    /// `mongodb://127.0.0.1:port/database?replicaSet=rs0`, with the administrator's credentials where there is one.
    package func uri(database: String = "test", credentials: Credentials? = nil) -> String {
        var parameters = options.isReplicaSet ? ["replicaSet=rs0"] : []
        var login = ""
        if let given = credentials ?? options.administrator {
            let words = [given.user, given.password].map {
                $0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            }
            login = words.joined(separator: ":") + "@"
            parameters.append("authSource=admin")
        }
        let query = parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&")
        return "mongodb://\(login)127.0.0.1:\(port)/\(database)\(query)"
    }

    /// `WHERRY_MONGOD`, `mongod` on PATH, or the one scripts/setup has unpacked under `.dev/mongod`.
    private static func findExecutable() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        var candidates = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/mongod" }
        candidates.append("\(DevDirectory.path)/mongod/bin/mongod")
        if let set = environment["WHERRY_MONGOD"], !set.isEmpty { candidates.insert(set, at: 0) }
        guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw DevServerError("no mongod found", hint: "run scripts/setup, or set WHERRY_MONGOD")
        }
        return found
    }

    private func startOnFreePort(mayMove: Bool) async throws {
        for attempt in 1... {
            do {
                return try await start()
            } catch let error as DevServerError {
                guard attempt < 5, mayMove, error.message.contains("Address already in use") else { throw error }
                let port = try LoopbackPort.free()
                currentPort.withLock { $0 = port }
            }
        }
    }

    /// Initiates the replica set when that is still to be done.
    private func isReady() throws -> Bool {
        guard let hello = try MongoWire.run([("hello", .int32(1))], port: port), hello.isOK else { return false }
        if hello.numbers["isWritablePrimary"] == 1 { return true }
        guard options.isReplicaSet, hello.strings["setName"] == nil, hello.numbers["isreplicaset"] == 1 else {
            return false
        }
        let member = MongoWire.Value.document([("_id", .int32(0)), ("host", .string("127.0.0.1:\(port)"))])
        let configuration = MongoWire.Value.document([
            ("_id", .string("rs0")), ("members", .array([member])),
            ("settings", .document([("electionTimeoutMillis", .int32(1_000))])),
        ])
        // An error now ("already initialized" when two looks overlap) shows in the next look.
        _ = try MongoWire.run([("replSetInitiate", configuration)], port: port)
        return false
    }

    private var keyFile: String { "\(directory)/key" }

    /// Members of a replica set with access control need a shared key, readable by their user only.
    private func writeKeyFile() throws {
        guard options.administrator != nil, options.isReplicaSet else { return }
        try Data("d2hlcnJ5LWRldmVsb3BtZW50\n".utf8).write(to: URL(fileURLWithPath: keyFile))
        chmod(keyFile, 0o600)
    }

    /// The first user may be created without authentication from localhost ("localhost exception"); later starts are
    /// refused, which is as it should be.
    private func createAdministrator() throws {
        guard let administrator = options.administrator else { return }
        let reply = try MongoWire.run(
            [
                ("createUser", .string(administrator.user)), ("pwd", .string(administrator.password)),
                ("roles", .array([.string("root")])),
            ], port: port)
        guard let reply, reply.isOK || reply.strings["codeName"] == "Unauthorized" else {
            throw DevServerError("mongod did not create its administrator: \(reply?.strings["errmsg"] ?? "no answer")")
        }
    }
}
