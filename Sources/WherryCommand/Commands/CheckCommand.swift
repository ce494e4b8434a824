import ArgumentParser
import Model

/// `wherry check`: the preflight of `run`, read-only, everything it finds at once.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look at both servers and say what 'wherry run' would need, changing nothing.",
        discussion: "Exits 0 when 'wherry run' would start, warnings or not.")

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
    @OptionGroup(title: "Tables") var tables: TableOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    @Flag(help: "Check for a run with --adopt: collections may hold documents already.")
    var adopt = false

    func run() async throws {
        let context = ProgramContext.current
        let logger = try output.startLogging(context)
        let settings = try connection.resolver(
            pipelineOptions.layer.over(tables.layer), environment: context.environment
        ).settings()
        let report = CheckReport(
            pipeline: settings.pipeline, findings: try await context.backend.check(settings, adopt, logger))
        context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
        if report.exitCode != .ok { throw Verdict(code: report.exitCode) }
    }
}
