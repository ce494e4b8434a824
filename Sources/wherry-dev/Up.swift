import ArgumentParser
import DevServers

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts PostgreSQL and a mongod replica set under .dev/up and leaves them running.")

    @Flag(help: "Begin with empty servers.") var fresh = false

    func run() async throws {
        var postgres = PostgresServer.Options()
        postgres.keepsData = !fresh
        postgres.outlivesUs = true
        var mongo = MongoServer.Options()
        mongo.keepsData = !fresh
        mongo.outlivesUs = true
        let pair = try await DevPair.start(under: "\(DevDirectory.path)/up", postgres: postgres, mongo: mongo)
        say(pair.connections(database: "postgres"))
        say("stop them with: wherry-dev down")
    }
}
