import DevServers

extension PipelineFixture {
    /// A fixture on servers of its own, which are removed afterwards: for tests that restart or stop servers, or use
    /// fail points (there is one of a name for the whole server).
    ///
    /// - Parameter configuration: settings of PostgreSQL; nil leaves it to the shared server.
    package static func withOwnServers(
        _ prefix: String, postgres configuration: [String: String]? = nil,
        _ body: (PipelineFixture) async throws -> Void
    ) async throws {
        let folder = SharedServers.directory(uniqueName(prefix))
        var mongoOptions = MongoServer.Options()
        mongoOptions.arguments = ["--setParameter", "enableTestCommands=1"]
        mongoOptions.cacheSize = 0.25
        let mongo = try await MongoServer.start(directory: "\(folder)/mongo", options: mongoOptions)
        var postgres: PostgresServer?
        if let configuration {
            var options = PostgresServer.Options()
            options.configuration = configuration
            postgres = try await PostgresServer.start(directory: "\(folder)/postgres", options: options)
        }
        do {
            try await body(PipelineFixture(prefix, postgres: postgres, mongo: mongo))
        } catch {
            try? await postgres?.remove()
            try? await mongo.remove()
            throw error
        }
        try await postgres?.remove()
        try await mongo.remove()
    }
}
