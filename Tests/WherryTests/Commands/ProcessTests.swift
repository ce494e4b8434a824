import Foundation
import Testing

@testable import WherryCommand

/// The executable itself, as a process.
@Suite struct ProcessTests {
    /// `WHERRY_BINARY`, or what stands beside the tests.
    static var binary: URL {
        if let path = ProcessInfo.processInfo.environment["WHERRY_BINARY"] { return URL(filePath: path) }
        #if DEBUG
            return repository.appending(path: ".build/debug/wherry")
        #else
            return repository.appending(path: ".build/release/wherry")
        #endif
    }

    private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> ProgramRun {
        let process = Process()
        process.executableURL = Self.binary
        process.arguments = arguments
        process.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { $1 }
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // The outputs are small: neither pipe fills while the other is read.
        let outputText = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let errorText = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return ProgramRun(code: process.terminationStatus, output: outputText, errors: errorText)
    }

    @Test func usage() throws {
        let unknown = try run(["run", "--nonsense"])
        #expect(unknown.code == 64)
        #expect(unknown.errors.hasPrefix("wherry: unknown option '--nonsense'\nhint: "))
        #expect(unknown.output.isEmpty)
        #expect(try run([]).output.contains("USAGE: wherry <subcommand>"))
    }

    @Test func configuration() throws {
        let missing = try run(["run"])
        #expect(missing.code == 78)
        #expect(missing.errors.hasPrefix("wherry: no source is given\n"))
        let uri = try run(["status", "--source", "postgres://u:s3cr3t@x@h/db", "--target", "mongodb://h/d"])
        #expect(uri.code == 78 && !uri.errors.contains("s3cr3t"))
    }

    @Test func version() throws {
        let version = try run(["version", "--json"])
        #expect(version.code == 0 && version.errors.isEmpty)
        let object = try JSONSerialization.jsonObject(with: Data(version.output.utf8)) as? [String: Any]
        #expect(object?["version"] as? String == VersionReport.version)
    }

    /// The MongoDB library's counters, one file for each process that is killed.
    @Test func nothingIsLeftInSharedMemory() throws {
        let process = Process()
        process.executableURL = Self.binary
        process.arguments = ["version"]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(!FileManager.default.fileExists(atPath: "/dev/shm/mongoc-\(process.processIdentifier)"))
    }

    @Test func dropWithoutATerminal() throws {
        let environment = ["WHERRY_SOURCE": "postgres://h/db", "WHERRY_TARGET": "mongodb://h/shop"]
        let drop = try run(["drop", "shop"], environment: environment)
        #expect(drop.code == 64)
        #expect(drop.errors.contains("hint: Add --yes if you are sure."))
    }
}
