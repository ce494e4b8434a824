import ArgumentParser
import Logging
import Model

/// `wherry snapshot`: the initial copy alone, as a DBA's seed.
struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Copy the source's tables as they are now, and end.",
        discussion: """
            The slot stays and keeps what is written from then on: 'wherry run' goes on from there. With --no-slot it is \
            a plain copy, and nothing of it stays but the documents.

            A copy that was stopped or killed is no copy: the same command begins it again from nothing; once the log says \
            that the rest is read beside the stream, it goes on. SIGTERM and SIGINT end it cleanly, with 75.
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
    @OptionGroup(title: "Tables") var tableOptions: TableOptions
    @OptionGroup(title: "Initial copy") var copy: CopyOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    @Option(
        help: ArgumentHelp(
            "Only these tables, as schema.table, separated by commas; repeat it for more.",
            discussion: "Decided at the first start, and kept: no others join but by 'wherry tables add'."))
    var tables: [String] = []

    @Flag(name: .customLong("no-slot"), help: "A plain copy: no slot, no publication, nothing to go on from.")
    var noSlot = false

    @Flag(help: "Take part in the copy that another 'wherry snapshot' is making with the same settings.")
    var join = false

    func validate() throws {
        if !tables.isEmpty, !tableOptions.schemas.isEmpty || !tableOptions.exclude.isEmpty {
            throw ValidationError("--tables can't be used together with --schema or --exclude")
        }
    }

    func run() async throws {
        let context = ProgramContext.current
        let request = try request(environment: context.environment)
        let logger = try output.startLogging(context)
        let session = try RunSession(
            settings: request.settings, usesSlot: request.usesSlot, interval: request.progressInterval,
            context: context, logger: logger,
            output: output)
        let end = try await session.run { progress, stop in
            try await context.backend.snapshot(request, progress, logger, stop)
        }
        let goesOn = request.usesSlot && !request.joins
        let next = goesOn ? NextCommand(connection: connection, pipeline: pipelineOptions) : nil
        let report = try SnapshotReport(request: request, end: end, next: next)
        logger.info("finished", metadata: report.metadata)
        context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
    }

    /// What is to be copied; pure.
    func request(environment: [String: String]) throws -> SnapshotRequest {
        var own = pipelineOptions.layer.over(tableOptions.layer).over(copy.layer)
        if !tables.isEmpty {
            own.tables = Given(value: tables.flatMap(TableNameText.split), origin: "--tables")
        }
        return SnapshotRequest(
            settings: try connection.resolver(own, environment: environment).settings(), usesSlot: !noSlot,
            joins: join, adopts: copy.adopt, progressInterval: try copy.interval(environment: environment))
    }
}
