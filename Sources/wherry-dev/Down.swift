import ArgumentParser
import DevServers

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops what `up`, `demo --keep`, the benchmark or tests that were killed have left running.")

    @Argument(help: "Which: up, demo, bench; all of them and what tests have left when none is named.")
    var names: [Name] = []

    enum Name: String, CaseIterable, ExpressibleByArgument {
        case up, demo, bench
    }

    func run() async throws {
        for name in names.isEmpty ? Name.allCases : names {
            try await DevPair.stop(under: "\(DevDirectory.path)/\(name.rawValue)")
        }
        if names.isEmpty { try await ScratchDirectory.cleanLeftovers() }
    }
}
