import DevServers
import Postgres
import Synchronization

/// The databases that one test has made on PostgreSQL servers. Its slots go when it is over: they would hold the log of
/// all tests that follow, and there are only so many.
final class LeftSlots: Sendable {
    @TaskLocal static var ofTest: LeftSlots?

    private let databases = Mutex<[(server: PostgresServer, name: String)]>([])

    func add(_ database: String, on server: PostgresServer) { databases.withLock { $0.append((server, database)) } }

    /// Leaves alone what somebody still uses, and servers that are gone.
    func drop() async {
        for (server, name) in databases.withLock({ $0 }) {
            guard let session = try? await PostgresConnection.open(server.uri(), application: "test") else { continue }
            _ = try? await session.query(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1 AND NOT active",
                [name])
            await session.close()
        }
    }
}
