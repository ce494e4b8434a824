import ArgumentParser
import Model

/// `wherry drop PIPELINE`: leaves nothing behind.
struct DropCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Remove a pipeline: its slot, its publication and its state.",
        discussion:
            "The documents stay, unless --documents is given. Also removes a slot that belongs to no pipeline any more."
    )

    @Argument(help: "The pipeline's name, as 'wherry pipelines' shows it.")
    var pipeline: String

    @Flag(help: "Delete the documents of the pipeline's collections too.")
    var documents = false

    @Flag(name: .shortAndLong, help: "Don't ask.")
    var yes = false

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let context = ProgramContext.current
        let logger = try output.startLogging(context)
        let settings = try connection.resolver(environment: context.environment).settings(pipeline: pipeline)
        try confirm(settings, context)
        let report = try await context.backend.drop(settings, documents, logger)
        context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
    }

    private func confirm(_ settings: Settings, _ context: ProgramContext) throws {
        guard !yes else { return }
        guard context.canAsk else {
            throw Failure(
                .usage, "'wherry drop' asks before it removes anything, and there is no terminal to ask on",
                hint: "Add --yes if you are sure.")
        }
        context.console.print(DropCommand.question(settings, documents: documents))
        guard context.readAnswer() == settings.pipeline else {
            throw Failure(.usage, "nothing was removed", hint: "The answer was not the pipeline's name.")
        }
    }

    /// What will be gone, so that nobody has to guess.
    static func question(_ settings: Settings, documents: Bool) -> String {
        """
        This removes from \(settings.source.uri.safe)
          slot '\(settings.source.slot)' and publication '\(settings.source.publication)'
        and from \(settings.target.uri.safe)
          the state of pipeline '\(settings.pipeline)' in database '\(settings.target.stateDatabase)'
          \(documents ? "and ALL DOCUMENTS of its collections" : "(documents stay)")
        Type the pipeline's name to go on:
        """
    }
}
