import Foundation
import Logging
import Model
import Synchronization
import Testing

@testable import WherryCommand

/// Collects text written from anywhere.
final class TextSink: Sendable {
    private let parts = Mutex<[String]>([])

    var text: String { parts.withLock { $0.joined() } }
    var lines: [String] { text.split(separator: "\n").map(String.init) }

    func append(_ text: String) { parts.withLock { $0.append(text) } }
}

/// One run of the whole program in this process, with everything it printed.
struct ProgramRun {
    var code: Int32
    var output: String
    var errors: String
}

extension Backend {
    /// Answers every call with the failure.
    static func failing(with error: any Error) -> Backend {
        Backend(
            draft: { _, _ in throw error }, preview: { _, _ in throw error },
            run: { _, _, _, _ in throw error }, snapshot: { _, _, _, _ in throw error },
            backfill: { _, _, _, _ in throw error },
            check: { _, _, _ in throw error }, status: { _, _ in throw error },
            set: { _, _ in throw error }, acceptChange: { _, _ in throw error }, tables: { _, _ in throw error },
            deadLetters: { _, _ in throw error }, pipelines: { _, _ in throw error },
            drop: { _, _, _ in throw error },
            libraries: { [] })
    }

    static let unused = Backend.failing(with: Failure(.unexpected, "the command reached the databases"))
}

/// Runs the program; `answer` is what the person at the terminal types, nil where there is no terminal.
func program(
    _ arguments: String..., environment: [String: String] = [:], backend: Backend = .unused, answer: String? = nil
) async -> ProgramRun {
    await program(arguments, environment: environment, backend: backend, answer: answer)
}

func program(
    _ arguments: [String], environment: [String: String] = [:], backend: Backend = .unused, answer: String? = nil
) async -> ProgramRun {
    let output = TextSink()
    let errors = TextSink()
    let context = ProgramContext(
        environment: environment, backend: backend,
        console: Console(isTerminal: false, write: { errors.append($0) }),
        standardOutput: { output.append($0 + "\n") }, readAnswer: { answer }, canAsk: answer != nil)
    let code = await Program.run(arguments, in: context)
    return ProgramRun(code: code, output: output.text, errors: errors.text)
}

/// The failure that `body` throws; records an issue when it throws none.
func failure(_ location: SourceLocation = #_sourceLocation, of body: () throws -> some Any) -> Failure? {
    #expect(throws: Failure.self, sourceLocation: location) { _ = try body() }
}

/// A directory of its own that is gone after the test.
func withTemporaryFile<Result>(_ text: String, _ body: (String) async throws -> Result) async throws -> Result {
    let url = FileManager.default.temporaryDirectory.appending(path: "wherry-\(UUID().uuidString).yaml")
    try Data(text.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(url.path)
}

/// The repository's root.
let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
