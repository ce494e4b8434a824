import CSpawn
import Foundation
import Glibc

/// A program that runs to its end while its output is collected.
package struct Command: Sendable {
    package struct Result: Sendable {
        package let status: ChildProcess.ExitStatus
        package let output: String
        package let errors: String
    }

    package let executable: String
    package let arguments: [String]
    /// Laid over our environment; a nil value removes the variable.
    package let environment: [String: String?]

    package init(_ executable: String, _ arguments: [String], environment: [String: String?] = [:]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// Runs it and returns whatever its end was.
    ///
    /// - Parameter input: standard input; nothing when nil.
    package func run(input: String? = nil) async throws -> Result {
        // Files, not pipes: a grandchild that keeps a pipe open can't hold us up.
        let files = try (0..<3).map { _ in try Self.temporaryFile() }
        defer { files.forEach { close($0) } }
        if let input {
            try FileHandle(fileDescriptor: files[0]).write(contentsOf: Data(input.utf8))
            lseek(files[0], 0, SEEK_SET)
        }
        let child = try ChildProcess(
            executable, arguments, environment: environment, input: files[0], output: .descriptor(files[1]),
            errors: .descriptor(files[2]))
        let status = await child.wait()
        return Result(status: status, output: try Self.contents(files[1]), errors: try Self.contents(files[2]))
    }

    /// Runs it and returns its output.
    ///
    /// - Throws: `DevServerError` with its standard error when it does not exit with 0.
    @discardableResult
    package func succeed(input: String? = nil) async throws -> String {
        let result = try await run(input: input)
        guard result.status.isSuccess else {
            let end = result.status.code.map { "exit code \($0)" } ?? "signal \(result.status.signal ?? 0)"
            throw DevServerError("\(executable) ended with \(end): \(result.errors)\(result.output)")
        }
        return result.output
    }

    private static func temporaryFile() throws -> Int32 {
        let descriptor = cspawn_temporary_file()
        guard descriptor >= 0 else { throw DevServerError("can't create a temporary file in /tmp") }
        return descriptor
    }

    private static func contents(_ descriptor: Int32) throws -> String {
        lseek(descriptor, 0, SEEK_SET)
        let data = try FileHandle(fileDescriptor: descriptor).readToEnd() ?? Data()
        return String(decoding: data, as: UTF8.self)
    }
}
