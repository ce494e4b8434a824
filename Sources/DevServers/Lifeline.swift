import CSpawn
import Glibc

/// Ends a process when this object or all of us is gone, however we went: a shell waits for the end of a pipe that only
/// we hold open, then kills that very process, if it still runs.
package final class Lifeline: Sendable {
    private let writeEnd: Int32
    private let shell: ChildProcess

    /// - Parameter signal: what it gets, as kill(1) spells it: "QUIT".
    package init(of server: ProcessIdentity, signal: String) throws {
        var ends: [Int32] = [0, 0]
        guard cspawn_pipe(&ends) == 0 else { throw DevServerError("can't open a pipe") }
        defer { close(ends[0]) }
        writeEnd = ends[1]
        // Field 22 of /proc/PID/stat is the start time: a reused pid is left alone.
        let script = """
            read nothing
            [ "$(cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null)" = "$2" ] && kill -\(signal) "$1"
            """
        do {
            shell = try ChildProcess(
                "/bin/sh", ["-c", script, "wherry-lifeline", String(server.pid), String(server.startTicks)],
                input: ends[0], output: .null, errors: .null)
        } catch {
            close(ends[1])
            throw error
        }
    }

    deinit { close(writeEnd) }
}
