import DevServers

/// A PostgreSQL and a mongod side by side under one folder of `.dev`: `postgres/` and `mongod/`.
struct DevPair {
    let postgres: PostgresServer
    let mongo: MongoServer

    /// Starts both at the same time; if one fails, the other is stopped.
    static func start(
        under directory: String, postgres: PostgresServer.Options = .init(), mongo: MongoServer.Options = .init()
    ) async throws -> DevPair {
        async let first = PostgresServer.start(directory: "\(directory)/postgres", options: postgres)
        async let second = MongoServer.start(directory: "\(directory)/mongod", options: mongo)
        do {
            return DevPair(postgres: try await first, mongo: try await second)
        } catch {
            // The lifelines end what one of them may have started; those that outlive us are found by pid file.
            try? await stop(under: directory)
            throw error
        }
    }

    func stop() async throws {
        try await postgres.stop()
        try await mongo.stop()
    }

    /// Stops what runs under the folder, whoever started it.
    static func stop(under directory: String) async throws {
        try await PostgresServer.stopLeftover(in: "\(directory)/postgres")
        try await MongoServer.stopLeftover(in: "\(directory)/mongod")
    }

    /// Lines that tell a developer how to look into both.
    func connections(database: String) -> String {
        """
          psql '\(postgres.uri(database: database))'
          mongosh '\(mongo.uri(database: database))'
          /usr/bin/python3 -i -c 'import pymongo; db = pymongo.MongoClient("\(mongo.uri(database: database))").get_default_database()'
        """
    }
}
