import ArgumentParser
import Foundation
import Model
import Mongo

/// The program: parses, runs, tells errors, and knows the exit code. The executable only calls `main`.
package enum Program {
    package static func main() async -> Never {
        MongoPool.unlinkCounters()
        let code = await run(Array(CommandLine.arguments.dropFirst()), in: .process)
        fflush(nil)
        // Without what libraries have registered for the end: OpenSSL would free what their threads, which nobody has
        // waited for, may still be using.
        _exit(code)
    }

    /// The whole program but for the exit.
    static func run(_ arguments: [String], in context: ProgramContext) async -> Int32 {
        await ProgramContext.$current.withValue(context) {
            do {
                var command = try RootCommand.parseAsRoot(arguments)
                if var command = command as? any AsyncParsableCommand {
                    try await command.run()
                } else {
                    try command.run()
                }
                return Model.ExitCode.ok.rawValue
            } catch {
                return tell(error, arguments: arguments, context: context)
            }
        }
    }

    /// The one place where errors are printed.
    private static func tell(_ error: any Error, arguments: [String], context: ProgramContext) -> Int32 {
        if let verdict = error as? Verdict { return verdict.code.rawValue }
        let failure: Failure
        if UsageText.isParserError(error) {
            guard RootCommand.exitCode(for: error) != .success else {
                context.standardOutput(RootCommand.fullMessage(for: error))
                return Model.ExitCode.ok.rawValue
            }
            failure = UsageText.failure(
                message: RootCommand.message(for: error), full: RootCommand.fullMessage(for: error))
        } else {
            failure = ErrorReport.failure(from: error)
        }
        let format = ErrorFormat.of(arguments: arguments, environment: context.environment)
        context.console.release()
        context.console.print(ErrorReport(failure).rendered(as: format))
        return failure.exitCode.rawValue
    }
}

/// The end of a command whose result, already printed, decides the exit code.
struct Verdict: Error {
    let code: Model.ExitCode
}

/// ArgumentParser's errors in this program's words.
enum UsageText {
    /// Everything ArgumentParser throws itself; its error types are not public.
    static func isParserError(_ error: any Error) -> Bool {
        if error is ValidationError || error is CleanExit || error is ArgumentParser.ExitCode { return true }
        let name = String(reflecting: type(of: error))
        return name.hasPrefix("ArgumentParser.") || name.hasPrefix("ArgumentParserToolInfo.")
    }

    /// `full` ends with "See 'wherry run --help' for more information."
    static func failure(message: String, full: String) -> Failure {
        let first = message.split(separator: "\n").first.map(String.init) ?? "the command line is wrong"
        let command = full.firstMatch(of: /'(wherry[^']* --help|wherry help[^']*)'/).map { String($0.output.1) }
        return Failure(
            .usage, lowerCaseFirst(first.hasSuffix(".") ? String(first.dropLast()) : first),
            hint: suggestion(first) + "See '\(command ?? "wherry --help")'.")
    }

    /// For a subcommand that does not exist.
    private static func suggestion(_ message: String) -> String {
        guard let word = message.wholeMatch(of: /Unexpected argument '([^']*)'/)?.output.1 else { return "" }
        let names = RootCommand.configuration.subcommands.compactMap { $0.configuration.commandName }
        return Suggestion.nearest(to: String(word), among: names).map { "Did you mean 'wherry \($0)'? " } ?? ""
    }

    /// "Unknown option" becomes "unknown option"; a name in capitals stays.
    private static func lowerCaseFirst(_ text: String) -> String {
        guard let first = text.first, text.dropFirst().first?.isLowercase == true else { return text }
        return first.lowercased() + text.dropFirst()
    }
}
