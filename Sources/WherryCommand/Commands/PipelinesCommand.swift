import ArgumentParser
import Model

/// `wherry pipelines`: everything Wherry has on these servers.
struct PipelinesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipelines",
        abstract: "List the pipelines, and slots named wherry_… that belong to none, with the WAL they hold.")

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let context = ProgramContext.current
        let logger = try output.startLogging(context)
        let endpoints = try connection.resolver(environment: context.environment).endpoints()
        let report = try await context.backend.pipelines(endpoints, logger)
        context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
    }
}
