import ArgumentParser
import Logging
import Model
import Replication

extension BackfillMode: ExpressibleByArgument {}

/// `wherry backfill TABLE`: reads a table of a pipeline again, beside its stream.
struct BackfillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill",
        abstract: "Read a table of a pipeline again, beside its stream.",
        discussion: """
            Makes documents equal to their rows that something else has changed or deleted, and removes those whose rows \
            are gone. The pipeline's worker does it, within a second, or the next 'wherry run' when none is active; a \
            crash costs a chunk.
            """)

    @Argument(help: "The table, as schema.table.")
    var table: String

    @Option(help: "The collection, of a table that goes into several.")
    var into: String?

    @Option(
        name: .customLong("where"),
        help: ArgumentHelp(
            "Only rows that fulfil this condition: what would follow WHERE, on the table's own columns.",
            valueName: "sql"))
    var condition: String?

    @Option(
        help: """
            Documents whose rows are gone: remove or keep. (default: remove; keep in a collection that was not empty when \
            the pipeline began, or that has last_modified)
            """)
    var gone: GoneRows?

    @Option(help: "How the rows are read; a pipeline that has begun knows only live.")
    var mode = BackfillMode.live

    @Flag(help: "Stop reading until --resume; what is written stays.")
    var pause = false

    @Flag(help: "Go on after --pause.")
    var resume = false

    @Flag(help: "End the backfill where it is, or take it back before it begins; what is written stays.")
    var cancel = false

    @Flag(help: "End when the backfill does, and show how far it is meanwhile.")
    var wait = false

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        guard [pause, resume, cancel].count(where: { $0 }) <= 1 else {
            throw ValidationError("--pause, --resume and --cancel can't be used together")
        }
        if pause || cancel, wait { throw ValidationError("--wait is for a backfill that goes on") }
        if pause || resume || cancel, condition != nil || gone != nil {
            throw ValidationError("--where and --gone are for a backfill that begins")
        }
        guard mode == .live else {
            throw ValidationError(
                "--mode \(mode.rawValue) is for a new pipeline: this one's rows can only be read beside its stream")
        }
    }

    func run() async throws {
        let context = ProgramContext.current
        let call = try call(environment: context.environment)
        let logger = try output.startLogging(context)
        let report: BackfillReport
        if wait {
            let session = try RunSession(
                settings: call.settings, interval: .seconds(10), context: context, logger: logger, output: output,
                stopMessage: "no longer watching: the backfill goes on")
            let end = try await session.run { progress, stop in
                try await context.backend.backfill(call, progress, logger, stop)
            }
            guard let outcome = end.outcome else { return }
            report = outcome
        } else {
            report = try await context.backend.backfill(call, Model.Progress(), logger, StopSignal())
        }
        context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
    }

    /// What is asked for; pure.
    func call(environment: [String: String]) throws -> BackfillCall {
        let name = try TableNameText.required(table)
        let action: BackfillCall.Action =
            if pause {
                .order(.pause)
            } else if resume {
                .order(.resume)
            } else if cancel {
                .order(.cancel)
            } else {
                .ask(condition: condition, gone: gone)
            }
        return BackfillCall(
            settings: try connection.resolver(pipelineOptions.layer, environment: environment).settings(),
            table: name, collection: into, action: action, waits: wait)
    }
}
