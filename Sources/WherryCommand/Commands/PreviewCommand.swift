import ArgumentParser
import Logging
import Model

/// `wherry preview`: what rows of the source would become.
struct PreviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview",
        abstract: "Print documents made from live rows of a table, writing nothing.",
        discussion: """
            Prints relaxed extended JSON, as drivers and mongoimport read it: a field a line, with --json a document a \
            line. Rows that the collection's 'where' leaves out are not printed.
            """)

    @Argument(help: "The table, as schema.table.")
    var table: String

    @Argument(
        help: ArgumentHelp(
            "The primary keys of rows; a key of several columns with commas, as 17,3, or as a JSON array.",
            valueName: "key"))
    var keys: [String] = []

    @Option(help: "How many rows to read where no key is given, the first ones in the order of the key.")
    var limit = 3

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit must be between 1 and 1000") }
    }

    func run() async throws {
        let context = ProgramContext.current
        let logger = try output.startLogging(context)
        let preview = try await context.backend.preview(try request(environment: context.environment), logger)
        for document in preview.documents {
            context.standardOutput(output.json ? RelaxedJSON.text(document) : RelaxedJSON.indented(document))
        }
        guard preview.rowsMissing == 0 else {
            throw Failure(
                .usage, "table \(table) has no row of \(preview.rowsMissing) of the \(keys.count) keys",
                hint: "A key is given as PostgreSQL prints it; it is that of the row, not of the document.")
        }
        if preview.documents.isEmpty { logger.notice("there is nothing to show", metadata: ["table": "\(table)"]) }
    }

    /// What is asked for; pure.
    func request(environment: [String: String]) throws -> PreviewRequest {
        return PreviewRequest(
            settings: try connection.resolver(pipelineOptions.layer, environment: environment).settings(),
            table: try TableNameText.required(table), keys: keys, limit: limit)
    }
}
