import Foundation
import Glibc
import Synchronization

/// A folder under `.dev/run` for the servers of one test; the folders of runs that were killed are cleaned up.
package enum ScratchDirectory {
    private static let counter = Mutex(0)

    /// A new empty folder: `.dev/run/PID-START/NAME-N`.
    package static func make(_ name: String) async throws -> String {
        guard let owner = ProcessIdentity(pid: getpid()) else { throw DevServerError("can't read /proc") }
        let number = counter.withLock { counter in
            counter += 1
            return counter
        }
        if number == 1 { try await cleanLeftovers() }
        let path = "\(root)/\(owner.pid)-\(owner.startTicks)/\(name)-\(number)"
        try DevDirectory.makeDirectory(path)
        return path
    }

    /// Kills the servers of runs that are gone and deletes their folders.
    package static func cleanLeftovers() async throws {
        try await DevDirectory.withLock("run") {
            for run in contents(root) {
                let words = run.split(separator: "-")
                guard words.count == 2, let pid = Int32(words[0]), let ticks = UInt64(words[1]) else { continue }
                if let identity = ProcessIdentity(pid: pid), identity.startTicks == ticks { continue }
                for server in contents("\(root)/\(run)") {
                    let directory = "\(root)/\(run)/\(server)"
                    for lock in ["postmaster.pid", "mongod.lock"] {
                        try await ServerProcess.endLeftover(
                            in: directory, lockFile: "\(directory)/data/\(lock)", signal: SIGKILL)
                    }
                }
                try FileManager.default.removeItem(atPath: "\(root)/\(run)")
            }
        }
    }

    private static var root: String { "\(DevDirectory.path)/run" }

    private static func contents(_ path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }
}
