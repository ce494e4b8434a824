import ArgumentParser
import Model

/// What `wherry dead-letters` was asked to do.
package enum DeadLettersCall: Sendable, Equatable {
    case list
    case show(Int64)
    /// nil: all.
    case retry([Int64]?)
    case discard([Int64])
}

/// `wherry dead-letters`: changes that could not be written.
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Changes that could not be written, and are kept (apply.on_refused: dead_letter).",
        discussion: """
            Their keys are held back: later changes of the same rows are kept too, and the documents stay as they are. \
            Everything else goes on.
            """,
        subcommands: [List.self, Show.self, Retry.self, Discard.self])

    /// What each of them takes.
    struct Options: ParsableArguments {
        @OptionGroup(title: "Connection") var connection: ConnectionOptions
        @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
        @OptionGroup(title: "Output") var output: OutputOptions

        func run(_ call: DeadLettersCall) async throws {
            let context = ProgramContext.current
            _ = try output.startLogging(context)
            let settings = try connection.resolver(pipelineOptions.layer, environment: context.environment).settings()
            let report = try await context.backend.deadLetters(settings, call)
            context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List what is held back, the oldest first.")

        @OptionGroup var options: Options

        func run() async throws { try await options.run(.list) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one of them with the values of its row.",
            discussion: "The one place where values of rows are printed.")

        @Argument(help: "Its number, as list shows it.")
        var id: Int64

        @OptionGroup var options: Options

        func run() async throws { try await options.run(.show(id)) }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read their rows again from the source, and write them as they are now.",
            discussion: """
                The pipeline's worker does it, within seconds, or the next 'wherry run' when none is active. A row that \
                is written, or gone, is held back no more; one that is refused again stays held.
                """)

        @Argument(help: "Their numbers, as list shows them.")
        var ids: [Int64] = []

        @Flag(help: "All of them.")
        var all = false

        @OptionGroup var options: Options

        func validate() throws {
            guard ids.isEmpty == all else {
                throw ValidationError(all ? "--all is for all, without numbers" : "name numbers, or say --all")
            }
        }

        func run() async throws { try await options.run(.retry(all ? nil : ids)) }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget them, and hold their rows back no more.",
            discussion: """
                Their documents stay as they are, and differ from the source until the rows change as a whole, or are \
                read again with 'wherry backfill'.
                """)

        @Argument(help: "Their numbers, as list shows them.")
        var ids: [Int64]

        @OptionGroup var options: Options

        func run() async throws { try await options.run(.discard(ids)) }
    }
}
