import CSpawn
import Glibc

/// Ends a server, or another child of ours, when we are gone, however we went: a shell waits for the end of a pipe that
/// only we hold open, then kills the process its pid file names. With the pid file deleted it does nothing.
package final class Lifeline: Sendable {
    private let writeEnd: Int32
    private let shell: ChildProcess

    /// - Parameter signal: what the server gets, as kill(1) spells it: "QUIT".
    package init(pidFile: String, signal: String) throws {
        var ends: [Int32] = [0, 0]
        guard cspawn_pipe(&ends) == 0 else { throw DevServerError("can't open a pipe") }
        defer { close(ends[0]) }
        writeEnd = ends[1]
        // $1 is the pid file, field 22 of /proc/PID/stat the start time it names.
        let script = """
            read nothing
            read pid start 2>/dev/null < "$1" || exit 0
            [ "$(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null)" = "$start" ] && kill -\(signal) "$pid"
            """
        do {
            shell = try ChildProcess(
                "/bin/sh", ["-c", script, "wherry-lifeline", pidFile], input: ends[0], output: .null, errors: .null)
        } catch {
            close(ends[1])
            throw error
        }
    }

    deinit { close(writeEnd) }
}
