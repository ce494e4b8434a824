import ArgumentParser
import Model

/// `wherry set`: limits of a backfill that apply at once, running or not, and changes of columns that are accepted.
struct SetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change what a pipeline's backfill may cost, while it runs; without arguments, show it.",
        discussion: """
            A worker that runs follows within seconds, one that is started later goes by it too. KEY=default goes back \
            to the configuration, KEY=none is no limit.

            Keys: \(BackfillLimits.Key.allCases.map(\.rawValue).joined(separator: ", ")).
            """)

    @Argument(help: ArgumentHelp("What to set, as backfill.max_lag=5m.", valueName: "key=value"))
    var assignments: [String] = []

    @Option(
        help: ArgumentHelp(
            "Go on after a change of this table's columns that 'schema_changes' holds back; repeat it for more.",
            discussion: "Its documents get the new form, and the table is read again.", valueName: "table"))
    var acceptSchemaChange: [String] = []

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Connection") var pipelineOptions: PipelineOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let context = ProgramContext.current
        let changes = try SetCommand.changes(assignments)
        let accepted = try acceptSchemaChange.map(TableNameText.required)
        _ = try output.startLogging(context)
        let settings = try connection.resolver(pipelineOptions.layer, environment: context.environment).settings()
        for table in accepted { try await context.backend.acceptChange(settings, table) }
        let set = try await context.backend.set(settings, changes)
        let report = SetReport(pipeline: settings.pipeline, set: set, configured: settings.backfill.limits)
        context.standardOutput(output.json ? report.json : report.text.joined(separator: "\n"))
    }

    /// What the words ask for: nil goes back to the configuration. The last one of a key wins.
    ///
    /// - Throws: `Failure(.usage)` for a word that is no assignment, a key or a value that doesn't exist.
    static func changes(_ words: [String]) throws -> [BackfillLimits.Key: BackfillLimits.Bound?] {
        var changes: [BackfillLimits.Key: BackfillLimits.Bound?] = [:]
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let key = BackfillLimits.Key(rawValue: parts[0]) else { throw unknown(parts[0]) }
            guard parts.count == 2 else {
                throw Failure(
                    .usage, "'\(word)' sets nothing",
                    hint: "Write \(word)=VALUE; \(word)=default goes back to the configuration.")
            }
            if parts[1] == "default" {
                changes.updateValue(nil, forKey: key)
            } else if let bound = key.bound(parts[1]) {
                changes.updateValue(bound, forKey: key)
            } else {
                throw Failure(
                    .usage, "\(key.rawValue) can't be set to '\(parts[1])'", hint: "It must be \(key.form), or default."
                )
            }
        }
        return changes
    }

    private static func unknown(_ key: String) -> Failure {
        let known = BackfillLimits.Key.allCases.map(\.rawValue)
        let message = "there is no '\(key)' that can be set while a pipeline runs"
        if let near = known.first(where: { $0.hasSuffix(".\(key)") }) ?? Suggestion.nearest(to: key, among: known) {
            return Failure(.usage, message, hint: "Did you mean '\(near)'?")
        }
        return Failure(
            .usage, message,
            hint: "Known here: \(known.joined(separator: ", ")). Everything else is set in the configuration.")
    }
}
