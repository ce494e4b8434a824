import BSON
import DevServers
import TestSupport
import Testing

/// Servers that don't answer, or don't let us in.
@Suite(.onServers) struct BadInputConnectionTests {
    private static let secret = "s3cr3t-p@ss/w:rd?"

    /// An address that is a mistake: the side, the URI in the place of the right one, what the message must say.
    struct Mistake: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: Int32
        let words: [String]
        var source: (@Sendable (PipelineFixture) -> String)?
        var target: (@Sendable (PipelineFixture) -> String)?
    }

    private static let mistakes = [
        Mistake(
            testDescription: "nobody at the source", code: 69, words: ["127.0.0.1:1"],
            source: { "postgres://u:s3cr3t@127.0.0.1:1/\($0.name)" }),
        Mistake(
            testDescription: "no such host", code: 69, words: ["nowhere.invalid"],
            source: { "postgres://u:s3cr3t@nowhere.invalid/\($0.name)" }),
        Mistake(
            testDescription: "no such database", code: 78, words: ["\"missing\" does not exist"],
            source: { $0.postgres.uri(database: "missing") }),
        Mistake(
            testDescription: "a source without TLS", code: 69, words: ["SSL"],
            source: { $0.sourceURI + "?sslmode=require" }),
        Mistake(
            testDescription: "nobody at the target", code: 69, words: ["127.0.0.1:1"],
            target: { "mongodb://u:s3cr3t@127.0.0.1:1/\($0.name)?serverSelectionTimeoutMS=500" }),
        Mistake(
            testDescription: "another replica set", code: 69, words: ["127.0.0.1:"],
            target: {
                "mongodb://127.0.0.1:\($0.mongo.port)/\($0.name)?replicaSet=other&serverSelectionTimeoutMS=500"
            }),
        Mistake(
            testDescription: "PostgreSQL in the place of MongoDB", code: 69, words: ["127.0.0.1:"],
            target: { "mongodb://127.0.0.1:\($0.postgres.port)/\($0.name)?serverSelectionTimeoutMS=500" }),
        Mistake(
            testDescription: "no target database", code: 78, words: ["database"],
            target: { "mongodb://127.0.0.1:\($0.mongo.port)/?replicaSet=rs0" }),
        Mistake(
            testDescription: "ends swapped", code: 78, words: ["postgres://"], source: { $0.targetURI }),
    ]

    @Test(arguments: mistakes) func aMistakenAddress(_ mistake: Mistake) async throws {
        let fixture = try await PipelineFixture("address")
        try await fixture.makeItems()
        let refusal = try await fixture.refused(
            mistake.code, source: mistake.source?(fixture), target: mistake.target?(fixture))
        for word in mistake.words { #expect(refusal.message.contains(word), "\(refusal.message)") }
        #expect(!refusal.text.contains("s3cr3t"))
        try await fixture.expectUntouched()
        try await fixture.expectEqual()
    }

    @Test func theSourcesPassword() async throws {
        let fixture = try await PipelineFixture("password")
        try await fixture.makeItems()
        try await fixture.sql(
            "CREATE ROLE \(fixture.name) SUPERUSER LOGIN PASSWORD '\(Self.secret)'")
        try fixture.postgres.requirePassword(of: [fixture.name])
        let server = fixture.postgres
        for password in ["wrong \(Self.secret)", nil] {
            let uri = server.uri(user: fixture.name, password: password, database: fixture.name)
            let refusal = try await fixture.refused(77, fixture.name, source: uri)
            #expect(!refusal.text.contains("s3cr3t") && !refusal.text.contains("%2Dp%40"))
        }
        try await fixture.expectUntouched()
        let uri = server.uri(user: fixture.name, password: Self.secret, database: fixture.name)
        try await fixture.expectEqual(arguments: ["--source", uri])
    }

    @Test func aStandaloneTarget() async throws {
        var options = MongoServer.Options()
        options.isReplicaSet = false
        options.cacheSize = 0.25
        let server = try await MongoServer.start(
            directory: SharedServers.directory(uniqueName("standalone")), options: options)
        let fixture = try await PipelineFixture("standalone")
        try await fixture.makeItems()
        let refusal = try await fixture.refused(78, "standalone", target: server.uri(database: fixture.name))
        #expect(refusal.hint.contains("--replSet"))
        try await fixture.expectUntouched()
        try await fixture.expectEqual()
        try await server.remove()
    }

    /// Access control: password, missing roles, and roles that are taken away while the pipeline runs.
    @Test func theTargetsUser() async throws {
        var options = MongoServer.Options()
        options.cacheSize = 0.25
        options.administrator = MongoServer.Credentials(user: "root", password: "r00t")
        let server = try await MongoServer.start(
            directory: SharedServers.directory(uniqueName("access")), options: options)
        let fixture = try await PipelineFixture("access", mongo: server)
        try await fixture.makeItems()
        let user = MongoServer.Credentials(user: "wherry", password: Self.secret)
        try await fixture.inspector.command(
            ["createUser": "wherry", "pwd": .string(Self.secret), "roles": .array([])], on: "admin")
        let uri = server.uri(database: fixture.name, credentials: user)

        let wrong = MongoServer.Credentials(user: "wherry", password: "wrong \(Self.secret)")
        let denied = try await fixture.refused(
            77, "authentication failed", target: server.uri(database: fixture.name, credentials: wrong))
        #expect(!denied.text.contains("s3cr3t") && !denied.text.contains("%2Dp%40"))

        let anonymous = "mongodb://127.0.0.1:\(server.port)/\(fixture.name)?replicaSet=rs0"
        try await fixture.refused(77, target: anonymous)
        try await fixture.refused(77, "lacks", fixture.name, target: uri)
        try await change("grantRolesToUser", fixture, fixture.stateDatabase)
        let half = try await fixture.refused(77, "lacks", "on database \(fixture.name)", target: uri)
        #expect(half.hint.contains("readWrite"))
        try await change("revokeRolesFromUser", fixture, fixture.stateDatabase)
        try await change("grantRolesToUser", fixture, fixture.name)
        try await fixture.refused(77, "lacks", fixture.stateDatabase, target: uri)
        try await fixture.expectUntouched()
        try await change("grantRolesToUser", fixture, fixture.stateDatabase)

        let wherry = try fixture.wherry(["--target", uri])
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        #expect(try await fixture.compare() == [])
        try await change("revokeRolesFromUser", fixture, fixture.name)
        try await fixture.sql("UPDATE public.items SET name = 'later'; INSERT INTO public.items VALUES (11)")
        try await fixture.refusal(of: wherry, 77, "refused")
        try await change("grantRolesToUser", fixture, fixture.name)
        try await fixture.expectEqual(arguments: ["--target", uri])
        try await server.remove()
    }

    private func change(_ command: String, _ fixture: PipelineFixture, _ database: String) async throws {
        try await fixture.inspector.command(
            [command: "wherry", "roles": [["role": "readWrite", "db": .string(database)]]], on: "admin")
    }
}
