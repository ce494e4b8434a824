import DevServers
import TestSupport

enum MongoUnderTest {
    static func uri(database: String) async throws -> String {
        try await SharedServers.shared.mongoServer().uri(database: database)
    }
}
