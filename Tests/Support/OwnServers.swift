import BSON
import DevServers
import Model

extension PipelineFixture {
    /// A fixture on servers of its own: for tests that restart or stop servers, or use fail points (there is one of a
    /// name for the whole server). The target may hold databases of earlier tests.
    ///
    /// - Parameter configuration: settings of PostgreSQL; nil leaves it to the shared server.
    package static func withOwnServers(
        _ prefix: String, postgres configuration: [String: String]? = nil, plugin: OutputPlugin = .underTest,
        _ body: (PipelineFixture) async throws -> Void
    ) async throws {
        let mongo = try await SpareServers.shared.take()
        var postgres: PostgresServer?
        if let configuration {
            var options = PostgresServer.Options()
            options.configuration = configuration
            let folder = SharedServers.directory(uniqueName(prefix))
            postgres = try await PostgresServer.start(directory: "\(folder)/postgres", options: options)
        }
        do {
            try await body(PipelineFixture(prefix, postgres: postgres, mongo: mongo, plugin: plugin))
        } catch {
            try? await postgres?.remove()
            try? await mongo.remove()
            throw error
        }
        try await postgres?.remove()
        try await SpareServers.shared.giveBack(mongo)
    }
}

/// Target servers that one test at a time has for itself. One that is left as it should be serves the next test too:
/// starting one takes seconds.
private actor SpareServers {
    static let shared = SpareServers()

    private var free: [MongoServer] = []

    func take() async throws -> MongoServer {
        if let server = free.popLast() { return server }
        var options = MongoServer.Options.withTestCommands
        options.cacheSize = 0.25
        return try await MongoServer.start(
            directory: SharedServers.directory(uniqueName("own")) + "/mongo", options: options)
    }

    func giveBack(_ server: MongoServer) async throws {
        try await MongoInspector(uri: server.uri(database: "admin"))
            .command(["configureFailPoint": "failCommand", "mode": "off"])
        free.append(server)
    }
}
