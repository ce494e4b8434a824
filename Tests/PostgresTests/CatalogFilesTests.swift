import DevServers
import Foundation
import TestSupport
import Testing

@Suite("sql/catalog", .onServers)
struct CatalogFilesTests {
    /// psql runs each file as it is, as a role without any privilege.
    @Test func everyQueryRunsInPsql() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let role = "nobody_\(cluster.database)"
        try await cluster.psql("CREATE ROLE \(role) LOGIN")
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../sql/catalog")
            .standardized
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".sql") }
        #expect(files.count >= 10)
        for file in files {
            let path = folder.appending(path: file).path
            try await cluster.server.psql(file: path, user: role, database: cluster.database)
        }
    }
}
