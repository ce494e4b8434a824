import ArgumentParser
import Foundation
import Logging
import Model

/// `wherry init`: a first configuration file, made from the catalogue.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Draft a configuration file from the source's tables and indexes.",
        discussion: """
            Looks at the source alone and changes nothing. The draft makes of the tables there are what they become \
            without a file, and proposes their indexes; comments in it name the decisions that could be others. A table \
            made later has to be named in it.
            """)

    @Option(help: "The file to write, which must not be there yet. (default: standard output)")
    var output: String?

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Tables") var tables: TableOptions
    @OptionGroup(title: "Output") var log: LogOptions

    func run() async throws {
        let context = ProgramContext.current
        let logger = try log.startLogging(context)
        if let output, FileManager.default.fileExists(atPath: output) { throw exists(output) }
        let source = try connection.resolver(tables.layer, environment: context.environment).draftSource()
        let draft = try await context.backend.draft(source, logger)
        guard let output else { return context.standardOutput(String(draft.dropLast())) }
        try write(draft, to: output)
        context.standardOutput("\(output) is written: look through it, then 'wherry check --config \(output)'")
    }

    private func write(_ draft: String, to path: String) throws {
        do {
            // Made by nobody else in between.
            try Data(draft.utf8).write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
        } catch let error as CocoaError where error.code == .fileWriteFileExists {
            throw exists(path)
        } catch {
            throw Failure(
                .usage, "can't write \(path)",
                hint: "Check that the folder exists and that this user may write there.")
        }
    }

    private func exists(_ path: String) -> Failure {
        Failure(
            .usage, "\(path) exists already, and is never overwritten",
            hint: "Give another --output, or leave it out and compare what is printed.")
    }
}
