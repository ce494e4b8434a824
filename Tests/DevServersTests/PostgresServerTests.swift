import DevServers
import Foundation
import TestSupport
import Testing

@Suite(.onServers) struct PostgresServerTests {
    @Test func startsRestartsAndSurvivesBeingKilled() async throws {
        let server = try await PostgresServer.start(directory: ScratchDirectory.make("postgres"))
        #expect(try await server.psql("show wal_level") == "logical")
        #expect(try await server.psql("show max_replication_slots") == "20")
        try await server.psql("create table t (a int); insert into t select generate_series(1, 10)")
        let port = server.port

        try await server.restart()
        #expect(server.port == port)
        try await server.psql("insert into t values (11)")

        try await server.kill9()
        #expect(!server.isRunning)
        try await server.start()
        #expect(try await server.psql("select count(*) from t") == "11")

        try await server.remove()
        #expect(!server.isRunning)
        #expect(!FileManager.default.fileExists(atPath: server.directory))
    }

    @Test func asksForThePasswordOfNamedUsersOnly() async throws {
        let server = try await PostgresServer.start(directory: ScratchDirectory.make("postgres"))
        try await server.psql("create role guarded login password 'secret'")
        try server.requirePassword(of: ["guarded"])
        try await waitUntil("the rules are loaded") {
            try await server.psql("select count(*) from pg_hba_file_rules where auth_method = 'scram-sha-256'") == "2"
        }
        // The reload is over when a new connection meets the new rules.
        try await waitUntil("a password is asked for") {
            await (try? server.psql("select 1", user: "guarded")) == nil
        }
        let uri = server.uri(user: "guarded", password: "secret")
        #expect(try await Command("psql", ["-Atqc", "select 1", uri]).succeed() == "1\n")
        #expect(try await server.psql("select 1") == "1")
        try await server.remove()
    }

    @Test func clustersOfTheirOwnIdentityDiffer() async throws {
        var options = PostgresServer.Options()
        options.hasOwnIdentity = true
        options.configuration = ["wal_level": "replica", "application_name": "it's"]
        let own = try await PostgresServer.start(directory: ScratchDirectory.make("postgres"), options: options)
        let copy = try await PostgresServer.start(directory: ScratchDirectory.make("postgres"))
        let question = "select system_identifier from pg_control_system()"
        #expect(try await own.psql(question) != copy.psql(question))
        #expect(try await own.psql("show wal_level") == "replica")
        try await own.remove()
        try await copy.remove()
    }

    @Test func keepsItsDataWhenAsked() async throws {
        let directory = try await ScratchDirectory.make("postgres")
        let first = try await PostgresServer.start(directory: directory)
        try await first.psql("create table kept (a int)")
        // Started over the running one: that is ended first, as after a run that was killed.
        var options = PostgresServer.Options()
        options.keepsData = true
        let second = try await PostgresServer.start(directory: directory, options: options)
        #expect(!first.isRunning)
        #expect(try await second.psql("select count(*) from kept") == "0")
        try await second.remove()
    }

    @Test func namesTheLogWhenItDoesNotStart() async throws {
        var options = PostgresServer.Options()
        options.configuration = ["shared_buffers": "nonsense"]
        let directory = try await ScratchDirectory.make("postgres")
        let error = await #expect(throws: DevServerError.self) {
            try await PostgresServer.start(directory: directory, options: options)
        }
        #expect(error?.message.contains("shared_buffers") == true)
    }
}
