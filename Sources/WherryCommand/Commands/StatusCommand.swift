import ArgumentParser
import Model

/// `wherry status`: one pipeline, read from both servers.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show where a pipeline stands, what it costs the source and what to do next.")

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let context = ProgramContext.current
        let logger = try output.startLogging(context)
        let settings = try connection.resolver(pipelineOptions.layer, environment: context.environment).settings()
        let report = try await context.backend.status(settings, logger)
        context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
        // What the state database knows is worth showing without the source; the exit code still says that it is away.
        if let failure = report.failure { throw failure }
    }
}
