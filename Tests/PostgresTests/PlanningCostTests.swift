import Model
import Postgres
import TestSupport
import Testing

/// Planning reads statistics or a small sample, whatever the table's size.
@Suite("What planning reads of a table", .onServers)
struct PlanningCostTests {
    /// 60,000 narrow rows on some 3,000 pages.
    private static func numbers(_ partitioning: String) -> String {
        """
        CREATE TABLE t (id int PRIMARY KEY) \(partitioning);
        INSERT INTO t SELECT n FROM generate_series(1, 60000) n;
        """
    }

    private static let whole = numbers("WITH (fillfactor = 10, autovacuum_enabled = off)")
    private static let parted =
        numbers("PARTITION BY HASH (id)").replacing(
            ";\nINSERT",
            with: """
                ;
                CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0)
                    WITH (fillfactor = 10, autovacuum_enabled = off);
                CREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1)
                    WITH (fillfactor = 10, autovacuum_enabled = off);
                INSERT
                """)

    /// Blocks of heap and indexes read while the segments were planned.
    private func blocksRead(_ fixture: ChunkFixture, ranges: ClosedRange<Int>) async throws -> Int {
        let count =
            "SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)) "
            + "FROM pg_statio_user_tables"
        func blocks() async throws -> Int {
            // Counted when their session ends.
            try await eventually("no session is left") {
                try await fixture.cluster.psql(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                        + "AND pid <> pg_backend_pid() AND application_name ~ 'psql|backfill'") == "0"
            }
            return Int(try await fixture.cluster.psql(count)) ?? 0
        }
        let before = try await blocks()
        let table = try await fixture.table()
        let planned = try await fixture.source.planSegments(
            table.version, key: table.key, where: nil, rowsPerRange: 1000)
        #expect(ranges.contains(planned.count))
        return try await blocks() - before
    }

    @Test(arguments: [whole, parted]) func neverTheWholeTable(_ tables: String) async throws {
        let fixture = try await ChunkFixture.make(tables)
        let pages = try await fixture.cluster.psql(
            "SELECT sum(pg_relation_size(oid)) / 8192 > 2000 FROM pg_class WHERE relname ~ '^t(_.)?$' AND relkind = 'r'"
        )
        #expect(pages == "t")
        // Nobody has analysed it: a sample of 200 pages of each heap.
        #expect((50..<1000).contains(try await blocksRead(fixture, ranges: 10...100)))
        try await fixture.cluster.psql("ANALYZE")
        #expect(try await blocksRead(fixture, ranges: 40...100) < 20)
        // Three times as large since: the histogram says nothing of most rows.
        try await fixture.cluster.psql("INSERT INTO t SELECT n FROM generate_series(60001, 200000) n")
        #expect((50..<1000).contains(try await blocksRead(fixture, ranges: 10...100)))
        await fixture.close()
    }

    /// A leaf has its share of the ranges, and one at least.
    @Test func leavesShareTheRanges() {
        #expect(SegmentPlan.shares(ofPages: [300, 100, 0]) == [75, 25, 1])
        #expect(SegmentPlan.shares(ofPages: [0, 0]) == [1, 1])
        #expect(SegmentPlan.shares(ofPages: Array(repeating: 10, count: 1000)).allSatisfy { $0 == 1 })
        #expect(SegmentPlan.shares(ofPages: []) == [])
    }
}
