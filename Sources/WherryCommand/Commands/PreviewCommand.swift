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
            line. Rows that the collection's 'where' leaves out are not printed, and rows that make no document are named \
            on standard error; then it ends with 65.
            """)

    @Argument(help: "The table, as schema.table.")
    var table: String

    @Argument(
        help: ArgumentHelp(
            "The primary keys of rows; a key of several columns with commas, as 17,3, or as a JSON array.",
            valueName: "key"))
    var keys: [String] = []

    @Option(help: "The collection, of a table that goes into several.")
    var into: String?

    @Option(help: "How many documents to print where no key is given, of the first rows in the order of the key.")
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
        notes(of: preview, logger)
        if let failure = failure(of: preview) { throw failure }
    }

    private func notes(of preview: Preview, _ logger: Logger) {
        let fields: Logger.Metadata = ["table": "\(table)"]
        if !preview.isChosen { logger.notice("no pipeline with this configuration has the table", metadata: fields) }
        for key in preview.leftOut {
            logger.notice("'where' leaves the row out", metadata: fields.merging(["key": "\(key)"]) { $1 })
        }
        for refusal in preview.refusals {
            logger.error(
                "a row makes no document",
                metadata: fields.merging(["key": "\(refusal.key)", "reason": "\(refusal.failure.message)"]) { $1 })
        }
        guard keys.isEmpty, preview.documents.count + preview.refusals.count < limit else { return }
        logger.notice(
            preview.documents.isEmpty ? "there is nothing to show" : "there is no more to show",
            metadata: fields.merging(["rows_read": "\(preview.rowsRead)"]) { $1 })
    }

    private func failure(of preview: Preview) -> Failure? {
        if let first = preview.refusals.first {
            let others = preview.refusals.count - 1
            let more = others > 0 ? " (and \(others) other rows make no document)" : ""
            return Failure(.dataRefused, first.failure.message + more, hint: first.failure.hint)
        }
        guard !preview.missing.isEmpty else { return nil }
        return Failure(
            .usage,
            "table \(table) has no row of \(preview.missing.count) of the \(keys.count) keys: "
                + preview.missing.joined(separator: " "),
            hint: "A key is given as PostgreSQL prints it; it is that of the row, not of the document.")
    }

    /// What is asked for; pure.
    func request(environment: [String: String]) throws -> PreviewRequest {
        return PreviewRequest(
            settings: try connection.resolver(pipelineOptions.layer, environment: environment).settings(),
            table: try TableNameText.required(table), collection: into, keys: keys, limit: limit)
    }
}
