import Model
import Postgres

/// A test's own connection to the source, opened when it is needed and again when it was lost.
actor SourceSession {
    private let uri: String
    private var connection: PostgresConnection?

    init(uri: String) { self.uri = uri }

    func run(_ sql: String, _ parameters: [String?]) async throws -> QueryResult {
        try await opened().query(sql, parameters, timeout: .seconds(120), doing: "run a test's statement")
    }

    private func opened() async throws -> PostgresConnection {
        if let connection, await connection.isUsable { return connection }
        let opened = try await PostgresConnection.open(uri, application: "test")
        connection = opened
        return opened
    }
}
