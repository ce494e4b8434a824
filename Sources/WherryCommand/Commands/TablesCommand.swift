import ArgumentParser
import Model

/// `wherry tables`: the tables of a pipeline that streams.
struct TablesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tables",
        abstract: "Add tables to a pipeline that streams, take some out, or list them.",
        discussion: """
            The pipeline's worker does it, within a second, or the next 'wherry run' when none is active. The other tables \
            go on meanwhile.
            """,
        subcommands: [Add.self, Remove.self, List.self])

    /// What the subcommands share.
    struct Common: ParsableArguments {
        @OptionGroup(title: "Connection") var connection: ConnectionOptions
        @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
        @OptionGroup(title: "Tables") var tables: TableOptions
        @OptionGroup(title: "Output") var output: OutputOptions

        func run(_ action: TablesCall.Action) async throws {
            let context = ProgramContext.current
            let logger = try output.startLogging(context)
            let settings = try connection.resolver(
                pipelineOptions.layer.over(tables.layer), environment: context.environment
            ).settings()
            let report = try await context.backend.tables(TablesCall(settings: settings, action: action), logger)
            context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
            if let failure = report.failure { throw failure }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Let tables join: publish them, and read their rows beside the stream.",
            discussion: """
                Where the role may not alter the publication the statement for its owner is printed, with 77: the tables \
                join once it has been run.
                """)

        @Argument(help: "The tables, as schema.table.")
        var tables: [String]

        @Flag(help: "Accept collections that hold documents already: overwrite by key, keep the rest.")
        var adopt = false

        @OptionGroup var common: Common

        func run() async throws {
            try await common.run(.add(try tables.map(TableNameText.required), adopts: adopt))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Take tables out; their documents stay, unless --documents is given.")

        @Argument(help: "The tables, as schema.table.")
        var tables: [String]

        @Flag(help: "Delete their documents too, where the collection was empty when the table joined.")
        var documents = false

        @OptionGroup var common: Common

        func run() async throws {
            try await common.run(.remove(try tables.map(TableNameText.required), documents: documents))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the pipeline's tables, and those that could join.")

        @OptionGroup var common: Common

        func run() async throws { try await common.run(.list) }
    }
}
