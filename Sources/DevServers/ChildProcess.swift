import CSpawn
import Foundation
import Glibc
import Synchronization

/// A program started by us, in a session of its own: signals meant for our terminal don't reach it.
///
/// A thread waits for its end, so that there are no zombies and the end is known at once.
package final class ChildProcess: Sendable {
    /// Where its standard output or error goes.
    package enum Output: Sendable {
        case inherit
        case null
        /// Appended to this file.
        case file(String)
        case descriptor(Int32)
    }

    package struct ExitStatus: Sendable {
        /// The exit code; nil when a signal ended it.
        package let code: Int32?
        /// The signal that ended it; nil when it exited.
        package let signal: Int32?
        package let userSeconds: Double
        package let systemSeconds: Double
        package let peakResidentBytes: Int

        package var isSuccess: Bool { code == 0 }
    }

    private struct State {
        var status: ExitStatus?
        var waiters: [CheckedContinuation<ExitStatus, Never>] = []
    }

    package let pid: Int32
    /// Nil when it had ended before we could look.
    package let identity: ProcessIdentity?
    private let state = Mutex(State())

    /// Starts `executable` (found on PATH when it holds no slash).
    ///
    /// - Parameters:
    ///   - environment: laid over ours; a nil value removes the variable.
    ///   - input: becomes standard input; `/dev/null` when nil.
    ///   - ownSession: false keeps it in our process group, for a program that draws on our terminal.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String?] = [:], input: Int32? = nil,
        output: Output = .inherit, errors: Output = .inherit, ownSession: Bool = true
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        Self.redirect(1, to: output, in: &actions)
        Self.redirect(2, to: errors, in: &actions)
        cspawn_close_from(&actions, 3)
        let child = try Self.spawn(
            executable, arguments, environment: environment, actions: &actions, ownSession: ownSession)
        pid = child
        identity = ProcessIdentity(pid: child)
        let thread = Thread { [self] in reap() }
        thread.stackSize = 256 << 10
        thread.start()
    }

    /// How it ended; nil while it runs.
    package var exitStatus: ExitStatus? { state.withLock { $0.status } }

    package var isRunning: Bool { exitStatus == nil }

    /// Sends a signal, unless it has ended.
    package func signal(_ number: Int32) {
        state.withLock { state in
            if state.status == nil { _ = kill(pid, number) }
        }
    }

    /// Waits for its end.
    package func wait() async -> ExitStatus {
        await withCheckedContinuation { continuation in
            let status = state.withLock { state -> ExitStatus? in
                if state.status == nil { state.waiters.append(continuation) }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Waits in the kernel without reaping, then reaps under the lock: `signal` never meets a reused pid.
    private func reap() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == -1 && errno == EINTR {}
        let (status, waiters) = state.withLock { state -> (ExitStatus, [CheckedContinuation<ExitStatus, Never>]) in
            var raw: Int32 = 0
            var usage = rusage()
            wait4(pid, &raw, 0, &usage)
            let status = ExitStatus(raw: raw, usage: usage)
            state.status = status
            defer { state.waiters = [] }
            return (status, state.waiters)
        }
        waiters.forEach { $0.resume(returning: status) }
    }

    private static func spawn(
        _ executable: String, _ arguments: [String], environment: [String: String?],
        actions: inout posix_spawn_file_actions_t, ownSession: Bool
    ) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        if ownSession { cspawn_own_session(&attributes) }

        let variables = ProcessInfo.processInfo.environment.merging(environment.compactMapValues(\.self)) { $1 }
            .filter { environment[$0.key] != .some(nil) }
        let words = cStrings([executable] + arguments)
        let settings = cStrings(variables.map { "\($0.key)=\($0.value)" })
        defer { (words + settings).forEach { free($0) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, executable, &actions, &attributes, words, settings)
        guard result == 0 else {
            throw DevServerError("can't start \(executable): \(String(cString: strerror(result)))")
        }
        return child
    }

    private static func redirect(_ descriptor: Int32, to output: Output, in actions: inout posix_spawn_file_actions_t) {
        switch output {
        case .inherit: break
        case .null: posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        case .file(let path):
            posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        case .descriptor(let target): posix_spawn_file_actions_adddup2(&actions, target, descriptor)
        }
    }

    /// A null-terminated array in malloc'ed memory, for the caller to free.
    private static func cStrings(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
        strings.map { strdup($0) } + [nil]
    }
}

extension ChildProcess.ExitStatus {
    /// From what wait4(2) gives: the status word as `<sys/wait.h>` lays it out, `ru_maxrss` in KiB.
    fileprivate init(raw: Int32, usage: rusage) {
        let signal = raw & 0x7f
        self.init(
            code: signal == 0 ? (raw >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
            userSeconds: Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6,
            systemSeconds: Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6,
            peakResidentBytes: usage.ru_maxrss * 1024)
    }
}
