import DevServers
import Foundation
import Postgres
import TestSupport
import Testing

@Suite("sql/catalog", .onServers)
struct CatalogFilesTests {
    /// They have the server write conditions as text, which waits for the table.
    private let waiting = ["list_indexes.sql", "list_row_filters.sql"]

    /// psql runs each file as it is, as a role without any privilege, and beside sessions that have tables locked: the
    /// worker asks them while everything else runs, on the connection that judges the chunks of a backfill.
    @Test func everyQueryRunsInPsql() async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 1, twice int GENERATED ALWAYS AS (n * 2) STORED);
            CREATE INDEX ON t (lower(id::text)) WHERE n > 0;
            CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
            CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (100);
            CREATE PUBLICATION filtered FOR TABLE t WHERE (id > 3), root;
            """)
        let role = "nobody_\(cluster.database)"
        try await cluster.psql("CREATE ROLE \(role) LOGIN")
        try await cluster.psql("ALTER ROLE \(role) SET lock_timeout = '2s'")
        let other = try await cluster.connection()
        try await other.query("BEGIN")
        try await other.query("LOCK TABLE public.t, public.root, public.leaf IN ACCESS EXCLUSIVE MODE")
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../sql/catalog")
            .standardized
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".sql") }
        #expect(files.count >= 10)
        for file in files where !waiting.contains(file) {
            let path = folder.appending(path: file).path
            try await cluster.server.psql(file: path, user: role, database: cluster.database)
        }
        await other.close()
        for file in waiting {
            try await cluster.server.psql(file: folder.appending(path: file).path, database: cluster.database)
        }
    }
}
