import DevServers
import Model
import Postgres
import TestSupport
import Testing

@Suite("Planning a table's segments", .onServers)
struct SegmentPlanTests {
    private static let numbers = """
        CREATE TABLE t (id int PRIMARY KEY) WITH (autovacuum_enabled = off);
        INSERT INTO t SELECT n * 3 FROM generate_series(1, 60000) n;
        """

    private func plan(_ fixture: ChunkFixture, rowsPerRange: Int = 1000) async throws -> [KeyRange] {
        let table = try await fixture.table()
        return try await fixture.source.planSegments(
            table.version, key: table.key, where: nil, rowsPerRange: rowsPerRange)
    }

    /// How many rows of a table of single integers each range has; and that none is in two, or in none.
    private func counts(_ fixture: ChunkFixture, _ ranges: [KeyRange]) async throws -> [Int] {
        #expect(ranges.first?.after == nil)
        #expect(ranges.last?.through == nil)
        for (range, next) in zip(ranges, ranges.dropFirst()) { #expect(range.through == next.after) }
        let bounds = try ranges.dropLast().map { try #require(($0.through?.first).flatMap { Int($0) }) }
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        let ends = [Int.min] + bounds + [Int.max]
        let ids = try await fixture.connection.query("SELECT id FROM public.t").rows.compactMap { Int($0[0]!) }
        return zip(ends, ends.dropFirst()).map { low, high in ids.count { $0 > low && $0 <= high } }
    }

    @Test func fromStatistics() async throws {
        let fixture = try await ChunkFixture.make(Self.numbers + "ANALYZE t;")
        for (rowsPerRange, ranges) in [(1000, 60), (100, 100), (20_000, 3), (30_001, 1), (59_000, 1)] {
            let counts = try await counts(fixture, plan(fixture, rowsPerRange: rowsPerRange))
            #expect((ranges - 1...ranges).contains(counts.count))
            #expect(counts.allSatisfy { $0 > 60_000 / counts.count / 2 && $0 < 60_000 * 2 / counts.count + 1 })
        }
        await fixture.close()
    }

    /// Nobody has analysed the table, or the role isn't let near the statistics.
    @Test(arguments: ["SELECT 1", "ANALYZE t; REVOKE SELECT ON pg_stats FROM public"])
    func fromASample(_ statement: String) async throws {
        let fixture = try await ChunkFixture.make(Self.numbers + statement)
        let role = "reader_\(fixture.cluster.database)"
        try await fixture.cluster.psql(
            "CREATE ROLE \(role) LOGIN; GRANT SELECT ON t TO \(role); GRANT USAGE ON SCHEMA public TO \(role);")
        let table = try await fixture.table()
        let source = try fixture.cluster.source(
            uri: fixture.cluster.server.uri(user: role, database: fixture.cluster.database))
        let ranges = try await source.planSegments(table.version, key: table.key, where: nil, rowsPerRange: 1000)
        let counts = try await counts(fixture, ranges)
        #expect((10...50).contains(counts.count))
        #expect(counts.allSatisfy { $0 < 60_000 / 4 })
        await source.close()
        await fixture.close()
    }

    @Test func smallTables() async throws {
        let fixture = try await ChunkFixture.make(
            "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 4000); ANALYZE t;")
        let table = try await fixture.table()
        #expect(try await fixture.source.planSegments(table.version, key: table.key, where: nil) == [KeyRange()])
        await fixture.close()
    }

    /// A first column of few values has no histogram; then the sampled rows' whole keys divide.
    @Test func compositeKeys() async throws {
        let fixture = try await ChunkFixture.make(
            """
            CREATE TABLE t (tenant int, id int, PRIMARY KEY (tenant, id));
            INSERT INTO t SELECT CASE WHEN n % 10 = 0 THEN n % 7 ELSE 3 END, n FROM generate_series(1, 30000) n;
            ANALYZE t;
            """)
        let ranges = try await plan(fixture)
        #expect(ranges.count > 20)
        #expect(ranges.dropLast().allSatisfy { $0.through?.count == 2 })
        #expect(ranges.count { $0.after?.first == "3" && $0.through?.first == "3" } > 15)
        await fixture.close()
    }

    /// Statistics of rows that are gone: a division of nothing, but a division.
    @Test func wrongStatistics() async throws {
        let fixture = try await ChunkFixture.make(
            Self.numbers
                + """
                ANALYZE t; TRUNCATE t; INSERT INTO t SELECT -n FROM generate_series(1, 20000) n;
                UPDATE pg_class SET reltuples = 1e9, relpages = 1 WHERE oid = 't'::regclass;
                """)
        let counts = try await counts(fixture, plan(fixture))
        #expect(counts.reduce(0, +) == 20_000)
        #expect(counts.count <= 100)
        await fixture.close()
    }

    @Test func aKeyThatIsNotThePrimaryKey() async throws {
        let fixture = try await ChunkFixture.make(
            "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE u (a int);")
        for (name, key) in [("t", ["b", "a"]), ("t", ["a"]), ("t", []), ("u", ["a"]), ("u", [])] {
            let table = try await fixture.table(name)
            let failure = await #expect(throws: Failure.self) {
                try await fixture.source.planSegments(table.version, key: key, where: nil)
            }
            #expect(failure?.kind == .copyInterrupted)
        }
        await fixture.close()
    }
}
