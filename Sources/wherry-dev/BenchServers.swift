import ArgumentParser
import DevServers

struct BenchServers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-servers",
        abstract: "Starts the benchmark's servers under .dev/bench, PostgreSQL on the data it has, MongoDB empty.")

    func run() async throws {
        var postgres = PostgresServer.Options()
        postgres.keepsData = true
        postgres.outlivesUs = true
        postgres.configuration = [
            "shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
            // It would fall on whoever is measured after a backlog was written.
            "autovacuum": "off",
        ]
        var mongo = MongoServer.Options()
        mongo.outlivesUs = true
        mongo.cacheSize = 4
        let pair = try await DevPair.start(under: "\(DevDirectory.path)/bench", postgres: postgres, mongo: mongo)
        say(pair.postgres.uri(database: "postgres"))
        say(pair.mongo.uri(database: "bench"))
        say(pair.postgres.binaries)
    }
}
