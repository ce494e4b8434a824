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
    @OptionGroup(title: "Output") var output: OutputOptions

    @Flag(help: "Exit 0 once everything that is in the source now has been applied.")
    var untilCaughtUp = false

    @Option(
        name: .customLong("until-lsn"),
        help: ArgumentHelp("Exit 0 once every transaction before this position has been applied.", valueName: "lsn"))
    var untilLSN: LSN?

    @Flag(help: "Accept collections that hold documents already: overwrite by key, keep the rest.")
    var adopt = false

    @Option(help: "Connections of the initial copy. (default: 2)")
    var workers: Int?

    @Option(help: "Time between two progress lines of the log: 10s, 500ms, 1m. (default: 10s)")
    var progressInterval: String?

    func validate() throws {
        if untilCaughtUp, untilLSN != nil {
            throw ValidationError("--until-caught-up and --until-lsn can't be used together")
        }
    }

    func run() async throws {
        let context = ProgramContext.current
        let request = try request(environment: context.environment)
        let logger = try output.startLogging(context)
        let isText = try output.format(environment: context.environment) == .text
        let session = RunSession(
            request: request, context: context, logger: logger,
            showsBlock: context.console.isTerminal && isText && !output.json)
        let report = try await session.run()
        if output.json { context.standardOutput(report.json) }
    }

    /// What is to be run; pure.
    func request(environment: [String: String]) throws -> RunRequest {
        var own = pipelineOptions.layer.over(tables.layer)
        own.workers = workers.map { Given(value: $0, origin: "--workers") }
        let settings = try connection.resolver(own, environment: environment).settings()
        let goal: RunRequest.Goal =
            if untilCaughtUp { .caughtUp } else if let untilLSN { .position(untilLSN) } else { .none }
        return RunRequest(
            settings: settings, goal: goal, adopts: adopt, progressInterval: try interval(environment: environment))
    }

    private func interval(environment: [String: String]) throws -> Duration {
        let flag = progressInterval.map { Given(value: $0, origin: "--progress-interval") }
        let variable = EnvironmentVariable.progressInterval
        guard let given = flag ?? variable.value(in: environment).map({ Given(value: $0, origin: variable.rawValue) })
        else { return .seconds(10) }
        guard let duration = DurationText.parse(given.value), duration >= .milliseconds(100) else {
            throw Failure(
                .configuration, "\(given.origin) is '\(given.value)'",
                hint: "It must be a duration of at least 100ms, like 10s or 1m.")
        }
        return duration
    }
}
