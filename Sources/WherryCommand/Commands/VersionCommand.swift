import ArgumentParser

/// `wherry version`: for bug reports.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version, the build and the libraries in use.")

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() async throws {
        let context = ProgramContext.current
        let report = VersionReport(libraries: context.backend.libraries())
        context.standardOutput(json ? report.json : report.text.joined(separator: "\n"))
    }
}
