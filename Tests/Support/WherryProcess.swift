import DevServers
import Foundation
import Glibc

/// One run of the program under test, with its output in files.
package final class WherryProcess: Sendable {
    package let child: ChildProcess
    /// Standard output.
    package let outputFile: String
    /// Standard error: the log, one JSON object a line, and whatever else the program says.
    package let logFile: String
    private let lifeline: Lifeline?

    /// - Parameter folder: where its files go; `name` begins their names.
    package init(
        _ arguments: [String], environment: [String: String?] = [:], folder: String, name: String
    ) throws {
        outputFile = "\(folder)/\(name).out"
        logFile = "\(folder)/\(name).log"
        child = try ChildProcess(
            try WherryProcess.executable, arguments, environment: environment, output: .file(outputFile),
            errors: .file(logFile))
        lifeline = try child.identity.map { try Lifeline(of: $0, signal: "KILL") }
    }

    deinit { child.signal(SIGKILL) }

    /// `WHERRY_BINARY`, or the newest of release build and debug build.
    package static var executable: String {
        get throws {
            if let set = ProcessInfo.processInfo.environment["WHERRY_BINARY"], !set.isEmpty { return set }
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().path
            // The newest build: an old one of the other kind is not what is under test.
            let candidates = ["\(root)/.build/release/wherry", "\(root)/.build/debug/wherry"].filter {
                FileManager.default.isExecutableFile(atPath: $0)
            }
            func age(_ path: String) -> Date {
                (try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date) ?? .distantPast
            }
            guard let found = candidates.max(by: { age($0) < age($1) }) else {
                throw TestFailure("there is no wherry to test: build it, or set WHERRY_BINARY")
            }
            return found
        }
    }

    package var isRunning: Bool { child.isRunning }
    package var output: String { (try? String(contentsOfFile: outputFile, encoding: .utf8)) ?? "" }
    package var log: String { (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? "" }
    package var logLines: [LoggedLine] { log.split(separator: "\n").compactMap { LoggedLine($0) } }

    /// The newest line with a field of that name.
    package func latest(_ field: String) -> LoggedLine? { logLines.last { $0[field] != nil } }

    /// The most memory it has used so far, in bytes (`VmHWM` of proc(5)); nil when it has ended.
    package var peakResidentBytes: Int? {
        guard let status = try? String(contentsOfFile: "/proc/\(child.pid)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return kibibytes * 1024
    }

    /// Waits for its end; kills it at the deadline.
    ///
    /// - Throws: `TestFailure` with the end of the log when it has not ended by itself.
    @discardableResult
    package func end(within limit: Duration = .seconds(180)) async throws -> ChildProcess.ExitStatus {
        do {
            try await waitUntil("wherry has ended", within: limit) { !child.isRunning }
        } catch is DevServerError {
            child.signal(SIGKILL)
            throw TestFailure("wherry did not end within \(limit): \(tail)")
        }
        return await child.wait()
    }

    /// Kill -9, and waits until it is gone.
    package func kill() async throws {
        child.signal(SIGKILL)
        try await end(within: .seconds(10))
    }

    /// SIGTERM, and waits for its end.
    @discardableResult
    package func terminate(within limit: Duration = .seconds(30)) async throws -> ChildProcess.ExitStatus {
        child.signal(SIGTERM)
        return try await end(within: limit)
    }

    /// Waits until a line of the log fulfils `condition`.
    ///
    /// - Throws: `TestFailure` with the end of the log when it ends before, or takes longer than `limit`.
    @discardableResult
    package func waitForLine(
        _ what: String, within limit: Duration = .seconds(180), _ condition: @Sendable (LoggedLine) -> Bool
    ) async throws -> LoggedLine {
        let deadline = ContinuousClock.now + limit
        while true {
            let hasEnded = !child.isRunning
            if let line = logLines.first(where: condition) { return line }
            guard !hasEnded else { throw TestFailure("wherry ended before \(what): \(tail)") }
            guard .now < deadline else { throw TestFailure("waited \(limit) in vain until \(what): \(tail)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The end of its log, for an error.
    package var tail: String { String((log + output).suffix(3000)) }
}

/// One line of the JSON log.
package struct LoggedLine: @unchecked Sendable {
    // Protected by being read only: parsed once, never changed.
    private let object: [String: Any]

    init?(_ text: Substring) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            return nil
        }
        self.object = object
    }

    package var level: String { object["level"] as? String ?? "" }
    package var message: String { object["message"] as? String ?? "" }
    private var fields: [String: Any] { object["fields"] as? [String: Any] ?? [:] }

    /// A field as text; numbers as they print.
    package subscript(_ name: String) -> String? {
        switch fields[name] {
        case let text as String: text
        case let number as NSNumber: number.stringValue
        default: nil
        }
    }

    package func int(_ name: String) -> Int? { self[name].flatMap { Int($0) } }
}
