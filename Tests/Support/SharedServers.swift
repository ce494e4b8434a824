import DevServers
import Foundation

/// Servers that all tests of a process share: started by the first one that asks, ended with the process. Every test
/// takes a database of its own (`uniqueName`), so they don't meet.
package actor SharedServers {
    package static let shared = SharedServers()

    private var mongo: Task<MongoServer, any Error>?
    private var postgres: Task<PostgresServer, any Error>?

    /// A replica set of one member that accepts fail points.
    package func mongoServer() async throws -> MongoServer {
        if mongo == nil {
            mongo = Task {
                try await MongoServer.start(directory: SharedServers.directory("mongo"), options: .withTestCommands)
            }
        }
        return try await mongo!.value
    }

    package func postgresServer() async throws -> PostgresServer {
        if postgres == nil {
            postgres = Task {
                var options = PostgresServer.Options()
                options.configuration = [
                    "max_connections": "200", "max_wal_senders": "60", "max_replication_slots": "250",
                ]
                return try await PostgresServer.start(directory: SharedServers.directory("postgres"), options: options)
            }
        }
        return try await postgres!.value
    }

    /// A folder for this process's own servers.
    package static func directory(_ name: String) -> String {
        "\(DevDirectory.path)/tests/\(ProcessInfo.processInfo.processIdentifier)/\(name)"
    }
}

/// A name nobody else uses: letters, digits and underscores, at most 40 long.
package func uniqueName(_ prefix: String) -> String {
    let random = UInt32.random(in: 0...UInt32.max)
    return "\(prefix)_\(String(random, radix: 36))_\(ProcessInfo.processInfo.processIdentifier)"
}
