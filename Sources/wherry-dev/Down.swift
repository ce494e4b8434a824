import ArgumentParser
import DevServers

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops what `up`, `demo --keep`, the benchmark or tests that were killed have left running.")

    func run() async throws {
        for name in ["up", "demo", "bench"] {
            try await DevPair.stop(under: "\(DevDirectory.path)/\(name)")
        }
        try await ScratchDirectory.cleanLeftovers()
    }
}
