import ArgumentParser
import Logging
import Model

extension LogFormat: ExpressibleByArgument {}

/// swift-log's levels, as flags and variables name them.
enum LogLevel: String, CaseIterable, Sendable, ExpressibleByArgument {
    case trace, debug, info, notice, warning, error

    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}

/// Flags of every command about what is printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print the result as JSON, on standard output.")
    var json = false

    @OptionGroup var log: LogOptions

    func format(environment: [String: String]) throws -> LogFormat { try log.format(environment: environment) }

    /// As `LogOptions.startLogging`.
    func startLogging(_ context: ProgramContext) throws -> Logger { try log.startLogging(context) }
}

/// Flags of every command about its log.
struct LogOptions: ParsableArguments {
    @Option(help: "How log lines and errors look on standard error. (default: text)")
    var logFormat: LogFormat?

    @Option(help: "The least important log lines to print. (default: info)")
    var logLevel: LogLevel?

    func format(environment: [String: String]) throws -> LogFormat {
        try logFormat ?? EnvironmentVariable.logFormat.choice(LogFormat.self, in: environment) ?? .text
    }

    /// Bootstraps logging and makes the command's logger, which writes to the context's console.
    func startLogging(_ context: ProgramContext) throws -> Logger {
        let format = try format(environment: context.environment)
        let level =
            try logLevel ?? EnvironmentVariable.logLevel.choice(LogLevel.self, in: context.environment) ?? .info
        LogSetup.bootstrap(format: format, level: level.level, console: context.console)
        return Logger(label: "wherry") { _ in
            ConsoleLogHandler(format: format, level: level.level, console: context.console)
        }
    }
}

/// The form of an error, known before (and whether or not) the command line can be parsed.
enum ErrorFormat {
    static func of(arguments: [String], environment: [String: String]) -> LogFormat {
        let given = arguments.prefix { $0 != "--" }
        if given.contains("--json") || given.contains("--log-format=json") { return .json }
        if zip(given, given.dropFirst()).contains(where: { $0 == "--log-format" && $1 == "json" }) { return .json }
        if given.contains(where: { $0.hasPrefix("--log-format") }) { return .text }
        return EnvironmentVariable.logFormat.value(in: environment) == "json" ? .json : .text
    }
}
