import Foundation
import Glibc

/// A process named so that a reused pid is never taken for it: pid and start time.
///
/// The start time is field 22 of `/proc/PID/stat` (clock ticks since boot), see proc(5). A zombie counts as gone.
package struct ProcessIdentity: Hashable, Sendable {
    package let pid: Int32
    package let startTicks: UInt64

    /// The process that has `pid` now; nil when there is none.
    package init?(pid: Int32) {
        guard let fields = Self.statFields(of: pid), fields.count > 19, fields[0] != "Z", fields[0] != "X",
            let ticks = UInt64(fields[19])
        else { return nil }
        self.pid = pid
        startTicks = ticks
    }

    /// Reads a pid file as `write(to:)` leaves it; nil when it is missing, damaged, or its process is gone.
    package init?(pidFile: String) {
        guard let text = try? String(contentsOfFile: pidFile, encoding: .utf8) else { return nil }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let pid = Int32(words[0]), let ticks = UInt64(words[1]),
            let current = ProcessIdentity(pid: pid), current.startTicks == ticks
        else { return nil }
        self = current
    }

    package func write(to pidFile: String) throws {
        try Data("\(pid) \(startTicks)\n".utf8).write(to: URL(fileURLWithPath: pidFile), options: .atomic)
    }

    package var isAlive: Bool { ProcessIdentity(pid: pid) == self }

    /// Sends a signal, unless the process is gone.
    package func signal(_ number: Int32) {
        if isAlive { kill(pid, number) }
    }

    /// The direct children alive now.
    package var children: [ProcessIdentity] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let child = Int32(name), let fields = Self.statFields(of: child), fields.count > 1,
                fields[1] == String(pid)
            else { return nil }
            return ProcessIdentity(pid: child)
        }
    }

    /// The command line, its words separated by spaces.
    package var commandLine: String {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return "" }
        return String(decoding: data.map { $0 == 0 ? 0x20 : $0 }, as: UTF8.self)
    }

    /// The fields of `/proc/PID/stat` behind the parenthesised name, beginning with the state.
    private static func statFields(of pid: Int32) -> [Substring]? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }
}
