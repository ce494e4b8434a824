import Foundation
import Model
import Testing

@testable import WherryCommand

/// What the documents say is what the program does.
@Suite struct DocumentationTests {
    private func text(_ path: String) throws -> String {
        try String(contentsOf: repository.appending(path: path), encoding: .utf8)
    }

    /// Cells of every row of every Markdown table.
    private func rows(_ text: String) -> [[String]] {
        text.split(separator: "\n").filter { $0.hasPrefix("|") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test func exitCodesInTheReadme() throws {
        let table = try rows(text("README.md")).compactMap { cells -> (Int32, String)? in
            guard cells.count >= 2, let code = Int32(cells[0].replacing("`", with: "")) else { return nil }
            return (code, cells[1])
        }
        #expect(table.map(\.0) == ExitCode.allCases.map(\.rawValue))
        #expect(table.map(\.1) == ExitCode.allCases.map(\.meaning))
    }

    @Test func everyKeyIsDocumented() throws {
        let table = try rows(text("docs/configuration.md")).map { $0[0] }
        let keys = table.filter { $0.wholeMatch(of: /`[a-z_]+(\.[A-Za-z_]+)*`/) != nil && !$0.contains("wherry_") }
            .map { $0.replacing("`", with: "") }
        #expect(keys.filter { KnownKeys.file.paths.contains($0) }.sorted() == KnownKeys.file.paths)
    }

    @Test func everyVariableIsDocumented() throws {
        let table = try rows(text("docs/configuration.md")).filter { $0[0].hasPrefix("`WHERRY_") }
        #expect(table.map { $0[0] } == EnvironmentVariable.allCases.map { "`\($0.rawValue)`" })
        #expect(table.map { $0[1] } == EnvironmentVariable.allCases.map(\.meaning))
    }
}
