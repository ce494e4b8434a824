import ArgumentParser
import DevServers
import Foundation

/// Development's own program: servers to try things on, and the demo.
@main
struct WherryDev: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wherry-dev", abstract: "Servers for development, and the demo.",
        subcommands: [Up.self, Down.self, Demo.self, BenchServers.self])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as DevServerError {
            FileHandle.standardError.write(Data("wherry-dev: \(error)\n".utf8))
            exit(withError: ExitCode(1))
        } catch {
            exit(withError: error)
        }
    }
}
