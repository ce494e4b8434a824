import BSON
import DevServers
import Model
import TestSupport
import Testing

import Mongo

/// What libmongoc reports with the code of a failed log-in.
@Suite(.onServers) struct MongoErrorTests {
    private func load(_ server: MongoServer, _ application: String = "wherry-test") async throws -> Failure? {
        let uri =
            server.uri(database: "shop").replacing("mongodb://", with: "mongodb://nobody:wrong@")
            + "&serverSelectionTimeoutMS=2000"
        let store = MongoStateStore(pool: try MongoPool(uri: uri, applicationName: application), database: "wherry")
        return await #expect(throws: Failure.self) { try await store.load("shop") }
    }

    @Test func aWrongPasswordIsDenied() async throws {
        let failure = try await load(SharedServers.shared.mongoServer())
        #expect(failure?.kind == .denied)
        #expect(failure?.message.contains("authentication failed") == true)
    }

    /// A server that restarts just then is no reason to stop for good. (A fail point is the whole server's.)
    @Test func aConnectionLostDuringTheLogInIsWaitedFor() async throws {
        let server = try await MongoServer.start(
            directory: SharedServers.directory(uniqueName("login")), options: .withTestCommands)
        let reader = MongoConnection(try MongoPool(uri: server.uri(database: "shop"), applicationName: "other"))
        try reader.command(
            "admin",
            [
                "configureFailPoint": "failCommand", "mode": "alwaysOn",
                "data": ["failCommands": ["saslStart"], "closeConnection": true, "appName": "wherry-test"],
            ])
        let failure = try await load(server)
        try await server.remove()
        #expect(failure?.kind == .unreachable)
    }
}
