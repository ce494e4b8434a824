import DevServers
import Foundation
import TestSupport
import Testing

@Suite(.onServers) struct MongoServerTests {
    @Test func becomesPrimaryAgainAfterRestartAndKill() async throws {
        let server = try await MongoServer.start(directory: ScratchDirectory.make("mongod"))
        #expect(server.isRunning)
        #expect(server.uri(database: "shop") == "mongodb://127.0.0.1:\(server.port)/shop?replicaSet=rs0")
        let port = server.port
        try await server.restart()
        #expect(server.port == port)
        try await server.kill9()
        #expect(!server.isRunning)
        try await server.start()
        #expect(server.isRunning)
        try await server.remove()
        #expect(!FileManager.default.fileExists(atPath: server.directory))
    }

    @Test func startsWithAccessControl() async throws {
        var options = MongoServer.Options()
        options.administrator = MongoServer.Credentials(user: "root", password: "p@ss")
        let server = try await MongoServer.start(directory: ScratchDirectory.make("mongod"), options: options)
        #expect(server.uri(database: "a").hasPrefix("mongodb://root:p%40ss@127.0.0.1:"))
        try await server.restart()
        try await server.remove()
    }

    @Test func standaloneServersHaveNoReplicaSetInTheirURI() async throws {
        var options = MongoServer.Options()
        options.isReplicaSet = false
        let server = try await MongoServer.start(directory: ScratchDirectory.make("mongod"), options: options)
        #expect(server.uri(database: "shop") == "mongodb://127.0.0.1:\(server.port)/shop")
        try await server.remove()
    }
}
