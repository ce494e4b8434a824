import ArgumentParser
import Logging
import Model

extension LSN: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}

/// `wherry run`: copy what is there, then apply what changes, until told to stop.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Copy the source's tables and keep the target equal to them.",
        discussion: """
            Goes on where it stopped before. SIGTERM and SIGINT finish the batch, save and exit 0; a second signal stops \
            at once (nothing is lost then either).
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
    @OptionGroup(title: "Tables") var tables: TableOptions
    @OptionGroup(title: "Initial copy") var copy: CopyOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    @Flag(help: "Exit 0 once everything that is in the source now has been applied.")
    var untilCaughtUp = false

    @Option(
        name: .customLong("until-lsn"),
        help: ArgumentHelp("Exit 0 once every transaction before this position has been applied.", valueName: "lsn"))
    var untilLSN: LSN?

    @Flag(
        help: ArgumentHelp(
            "Repair a data gap that the start finds: a new slot, and every table read again beside its stream.",
            discussion: "For this one start. Without a gap it does nothing; another cluster is refused all the same."))
    var acceptGap = false

    @Flag(
        help: ArgumentHelp(
            "Take another mapping than the documents were made by: the tables are read again beside the stream.",
            discussion: "For this one start. Without a change it does nothing."))
    var acceptMappingChange = false

    func validate() throws {
        if untilCaughtUp, untilLSN != nil {
            throw ValidationError("--until-caught-up and --until-lsn can't be used together")
        }
    }

    func run() async throws {
        let context = ProgramContext.current
        let request = try request(environment: context.environment)
        let logger = try output.startLogging(context)
        let session = try RunSession(
            settings: request.settings, interval: request.progressInterval, context: context, logger: logger,
            output: output)
        let end = try await session.run { progress, stop in
            try await context.backend.run(request, progress, logger, stop)
        }
        let report = RunReport(
            pipeline: request.settings.pipeline, outcome: end.outcome ?? .stopped, progress: end.progress,
            seconds: end.seconds)
        logger.info("finished", metadata: report.metadata)
        if output.json { context.standardOutput(report.json) }
    }

    /// What is to be run; pure.
    func request(environment: [String: String]) throws -> RunRequest {
        let own = pipelineOptions.layer.over(tables.layer).over(copy.layer)
        let settings = try connection.resolver(own, environment: environment).settings()
        let goal: RunRequest.Goal =
            if untilCaughtUp { .caughtUp } else if let untilLSN { .position(untilLSN) } else { .none }
        return RunRequest(
            settings: settings, goal: goal, adopts: copy.adopt, acceptsGap: acceptGap,
            acceptsMappingChange: acceptMappingChange,
            progressInterval: try copy.interval(environment: environment))
    }
}
