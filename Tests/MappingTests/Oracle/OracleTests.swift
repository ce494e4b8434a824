import DevServers
import Postgres
import TestSupport
import Testing

/// A real server says what every type should become (promise 5: snapshot and stream, binary and text, give the same).
@Suite(.onServers) struct OracleTests {
    @Test(arguments: OracleFamily.all) func valuesAreWhatTheServerSays(_ family: OracleFamily) async throws {
        try await withConnection { try await OracleCheck(connection: $0).check(family) }
    }

    @Test(arguments: OracleJSON.all) func jsonAndArraysAreEqualForTheServer(_ family: OracleJSON) async throws {
        try await withConnection { try await OracleCheck(connection: $0).checkJSON(family) }
    }

    /// Only temporary objects are made, so all families may share a database.
    private func withConnection(_ body: (PostgresConnection) async throws -> Void) async throws {
        let server = try await SharedServers.shared.postgresServer()
        let connection = try await PostgresConnection.open(server.uri())
        try await body(connection)
        await connection.close()
    }
}
