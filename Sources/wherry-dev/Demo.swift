import ArgumentParser
import DevServers
import Foundation
import Glibc

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replicates the demo shop under load and compares every row with its document.")

    @Flag(help: "Leave the servers running and print how to connect.") var keep = false
    @Option(help: "How long the writer works.") var seconds = 15

    func run() async throws {
        let directory = "\(DevDirectory.path)/demo"
        var postgres = PostgresServer.Options()
        postgres.outlivesUs = keep
        var mongo = MongoServer.Options()
        mongo.outlivesUs = keep
        step("starting PostgreSQL and MongoDB under \(directory)")
        let pair = try await DevPair.start(under: directory, postgres: postgres, mongo: mongo)
        let run = DemoRun(pair: pair, directory: directory, seconds: seconds)
        let same: Bool
        do {
            same = try await run.replicateAndCompare()
        } catch {
            if !keep { try? await pair.stop() }
            throw error
        }
        if keep {
            say("the servers are still up:\n\(pair.connections(database: "shop"))")
            say("stop them with: .build/release/wherry-dev down")
        } else {
            try await pair.stop()
        }
        guard same else {
            throw DevServerError("the demo found differences", hint: "run `make demo KEEP=1` and look at both sides")
        }
        say("every row has its document, every document its row")
    }
}

/// Says what begins now.
func step(_ what: String) { say("demo: \(what)") }
