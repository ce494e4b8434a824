import Foundation
import Glibc
import Synchronization

/// One server in one directory: launched, signalled and cleaned up by its pid file (`server.pid`: pid and start time).
final class ServerProcess: Sendable {
    private struct State {
        var child: ChildProcess?
        var lifeline: Lifeline?
    }

    let directory: String
    let name: String
    private let state = Mutex(State())

    var pidFile: String { "\(directory)/server.pid" }
    var logFile: String { "\(directory)/server.log" }

    init(name: String, directory: String) {
        self.name = name
        self.directory = directory
    }

    private var child: ChildProcess? { state.withLock { $0.child } }

    var identity: ProcessIdentity? { child?.identity }

    var isRunning: Bool { identity?.isAlive ?? false }

    /// Starts the program with its output in `server.log`.
    ///
    /// - Parameter deathSignal: what it gets when we die without having stopped it; nil lets it live on.
    func launch(_ executable: String, _ arguments: [String], deathSignal: String?) throws {
        let child = try ChildProcess(executable, arguments, output: .file(logFile), errors: .file(logFile))
        guard let identity = child.identity else {
            throw DevServerError("\(name) ended at once: \(logTail)")
        }
        try identity.write(to: pidFile)
        let lifeline = try deathSignal.map { try Lifeline(of: identity, signal: $0) }
        state.withLock { $0 = State(child: child, lifeline: lifeline) }
    }

    /// Waits until `condition` holds; fails at once when the server ends before that.
    func waitUntilReady(_ condition: () throws -> Bool) async throws {
        try await waitUntil("\(name) is ready", within: .seconds(180)) {
            guard isRunning else {
                throw DevServerError("\(name) ended while it started: \(logTail)")
            }
            return try condition()
        }
    }

    /// Sends `number` and waits for the end; with SIGKILL after `limit`.
    func stop(signal number: Int32, within limit: Duration = .seconds(120)) async throws {
        guard let child, let identity else { return }
        identity.signal(number)
        identity.signal(SIGCONT)
        do {
            try await waitUntil("\(name) has ended", within: limit) { !child.isRunning }
        } catch let error as DevServerError {
            try await kill9()
            throw error
        }
        forget()
    }

    /// SIGKILL to the server and to the processes it forked, as when the machine loses power.
    func kill9() async throws {
        guard let child, let identity else { return }
        // Stopped first, so that it can't fork while we look for its children.
        identity.signal(SIGSTOP)
        let family = identity.children + [identity]
        family.forEach { $0.signal(SIGKILL) }
        try await waitUntil("\(name) has been killed") {
            // Reaped, not only dead: PostgreSQL takes a zombie for a running server.
            !child.isRunning && !family.contains(where: \.isAlive)
        }
        forget()
    }

    /// Sends `number` to the server and to the processes it forked.
    func signalFamily(_ number: Int32) {
        guard let identity else { return }
        ([identity] + identity.children).forEach { $0.signal(number) }
    }

    /// The end of its log, for an error.
    var logTail: String {
        guard let text = try? String(contentsOfFile: logFile, encoding: .utf8) else { return "no log" }
        return String(text.suffix(2_000))
    }

    /// Ends what a run that was killed has left in `directory`: with `signal`, and after ten seconds by force. Nothing
    /// is looked for by name: only the process of the pid file, or the one in the server's own lock file if its command
    /// line names this directory.
    static func endLeftover(in directory: String, lockFile: String, signal: Int32) async throws {
        var leftovers = [ProcessIdentity(pidFile: "\(directory)/server.pid")]
        if let text = try? String(contentsOfFile: lockFile, encoding: .utf8),
            let pid = text.split(whereSeparator: \.isWhitespace).first.flatMap({ Int32($0) }),
            let identity = ProcessIdentity(pid: pid), identity.commandLine.contains("\(directory)/data")
        {
            leftovers.append(identity)
        }
        for case let identity? in leftovers {
            if signal != SIGKILL {
                identity.signal(signal)
                identity.signal(SIGCONT)
                let hasObeyed: Void? = try? await waitUntil("it has ended", within: .seconds(10)) { !identity.isAlive }
                if hasObeyed != nil { continue }
            }
            let family = identity.children + [identity]
            family.forEach { $0.signal(SIGKILL) }
            try await waitUntil("the leftover in \(directory) has ended") { !family.contains(where: \.isAlive) }
        }
        try? FileManager.default.removeItem(atPath: "\(directory)/server.pid")
        // A zombie nobody reaps would be a running server to PostgreSQL.
        try? FileManager.default.removeItem(atPath: lockFile)
    }

    private func forget() {
        try? FileManager.default.removeItem(atPath: pidFile)
        state.withLock { $0 = State() }
    }
}
