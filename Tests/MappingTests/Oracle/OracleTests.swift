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

    @Test(arguments: OracleFamily.keyTypes) func keysAreReadBack(_ family: OracleFamily) async throws {
        try await withConnection { try await OracleCheck(connection: $0).checkKeyText(family) }
    }

    @Test(arguments: OracleFamily.all.filter { !$0.isKey && OracleCheck.digested.contains($0.name) })
    func digestsNameTheirRows(_ family: OracleFamily) async throws {
        try await withConnection { try await OracleCheck(connection: $0).checkDigests(family) }
    }

    @Test func compositeKeysAreReadBack() async throws {
        try await withConnection { try await OracleCheck(connection: $0).checkCompositeKeyText() }
    }

    /// Whatever an adopted collection holds: the text of a key is one the server can read, and the row it names has
    /// that very key.
    @Test(arguments: OracleFamily.ownKeyForms) func keysOfOthersNameTheirOwnRowOrNone(_ family: OracleFamily)
        async throws
    {
        try await withConnection { try await OracleCheck(connection: $0).checkForeignKeyText(family) }
    }

    /// Only temporary objects (and the extension citext) are made, so all families may share a database.
    private func withConnection(_ body: (PostgresConnection) async throws -> Void) async throws {
        let server = try await SharedServers.shared.postgresServer()
        let connection = try await PostgresConnection.open(server.uri())
        try await body(connection)
        await connection.close()
    }
}
