import Foundation

/// What surrounds a command: the environment, the databases, the three standard streams. Tests give their own.
struct ProgramContext: Sendable {
    var environment: [String: String]
    var backend: Backend
    /// Standard error.
    var console: Console
    /// Results; a newline is added.
    var standardOutput: @Sendable (String) -> Void
    /// One line from the person at the terminal, nil at its end.
    var readAnswer: @Sendable () -> String?
    var canAsk: Bool

    @TaskLocal static var current = ProgramContext.process

    /// The process's own.
    static let process = ProgramContext(
        environment: ProcessInfo.processInfo.environment, backend: Wiring.backend, console: .standardError,
        standardOutput: { writeAll($0 + "\n", to: STDOUT_FILENO) }, readAnswer: { readLine() },
        canAsk: isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1)
}
