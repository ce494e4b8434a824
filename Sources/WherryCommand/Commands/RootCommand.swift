import ArgumentParser

/// `wherry`: nothing but its subcommands.
struct RootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wherry",
        abstract: "Keeps MongoDB equal to a live PostgreSQL database.",
        discussion: """
            Settings come from flags, from the environment (WHERRY_SOURCE, WHERRY_TARGET, …) and from a file (--config), \
            in this order of precedence.
            """,
        version: VersionReport.version,
        subcommands: [
            InitCommand.self, PreviewCommand.self, RunCommand.self, SnapshotCommand.self, BackfillCommand.self,
            CheckCommand.self, StatusCommand.self, SetCommand.self, TablesCommand.self, DeadLettersCommand.self,
            PipelinesCommand.self, DropCommand.self, VersionCommand.self,
        ])
}
