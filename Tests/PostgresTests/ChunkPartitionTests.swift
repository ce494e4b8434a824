import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// Chunks of a partitioned table: each from one leaf, whatever becomes of it.
@Suite("Chunks of partitions", .onServers)
struct ChunkPartitionTests {
    /// The second leaf has its columns in another order, and one more that is gone.
    private static let tables = """
        CREATE TABLE t (note text, id int, k int, PRIMARY KEY (k, id)) PARTITION BY RANGE (k);
        CREATE TABLE a PARTITION OF t FOR VALUES FROM (0) TO (10);
        CREATE TABLE b (id int NOT NULL, gone int, k int NOT NULL, note text);
        ALTER TABLE b DROP gone;
        ALTER TABLE t ATTACH PARTITION b FOR VALUES FROM (10) TO (20);
        INSERT INTO t (k, id, note) SELECT n % 20, n, 'n' || n FROM generate_series(1, 2000) n;
        ANALYZE;
        """

    private let all = (1...2000).map { ["n\($0)", "\($0)", "\($0 % 20)"] as [String?] }

    private struct Parts {
        let table: ChunkFixture.Table
        let a: KeyRange
        let b: KeyRange
    }

    /// Every leaf as one range.
    private func parts(_ fixture: ChunkFixture) async throws -> Parts {
        let table = try await fixture.table()
        let ranges = try await fixture.source.planSegments(table.version, key: table.key, where: nil)
        #expect(ranges.count == 2)
        return Parts(
            table: table, a: try #require(ranges.first { $0.leaf?.name.name == "a" }),
            b: try #require(ranges.first { $0.leaf?.name.name == "b" }))
    }

    @Test func everyLeafByTheTablesColumns() async throws {
        let fixture = try await ChunkFixture.make(Self.tables)
        let table = try await fixture.table()
        let ranges = try await fixture.source.planSegments(
            table.version, key: table.key, where: nil, rowsPerRange: 100)
        #expect(Set(ranges.compactMap(\.leaf?.name.name)) == ["a", "b"] && ranges.count > 6)
        let reader = try await fixture.source.openChunkReader()
        var rows: [[String?]] = []
        for range in ranges.shuffled() { rows += try await fixture.walk(reader, table, range) { 70 } }
        #expect(inOrder(rows) == inOrder(all))
        await reader.close()
        await fixture.close()
    }

    /// Columns may be qualified by the table's name, whatever leaf is read.
    @Test(arguments: [
        "id % 7 = 0", #""my ""t".id % 7 = 0"#,
        #""my ""t".k >= 0 AND note IN (SELECT 'n' || 7 * generate_series(1, 300))"#,
    ])
    func rowsOfACondition(_ condition: String) async throws {
        let fixture = try await ChunkFixture.make(Self.tables + #"ALTER TABLE t RENAME TO "my ""t""#)
        let table = try await fixture.table(#"my "t"#)
        let ranges = try await fixture.source.planSegments(table.version, key: table.key, where: condition)
        #expect(Set(ranges.compactMap(\.leaf?.name.name)) == ["a", "b"])
        let reader = try await fixture.source.openChunkReader()
        var rows: [[String?]] = []
        for range in ranges { rows += try await fixture.walk(reader, table, range, where: condition) { 70 } }
        #expect(inOrder(rows) == inOrder(all.filter { $0[1].flatMap { Int($0) }?.isMultiple(of: 7) == true }))
        await reader.close()
        await fixture.close()
    }

    /// The table is what the operator named, so it is what a refusal names.
    @Test func aConditionThatIsRefused() async throws {
        let fixture = try await ChunkFixture.make(Self.tables)
        let parts = try await parts(fixture)
        let (table, reader) = (parts.table, try await fixture.source.openChunkReader())
        for condition in ["a.id = 1", "nothing = 1", "1 / (t.id - 39) > 0"] {
            let failure = await #expect(throws: Failure.self, "\(condition)") {
                _ = try await fixture.source.planSegments(table.version, key: table.key, where: condition)
                for range in [parts.a, parts.b] {
                    _ = try await fixture.walk(reader, table, range, where: condition) { 5000 }
                }
            }
            #expect(failure?.kind == .usage)
            #expect(failure?.message.hasPrefix("the condition for table public.t ") == true)
        }
        await reader.close()
        await fixture.close()
    }

    @Test func singleRowsOfAnyLeaf() async throws {
        let fixture = try await ChunkFixture.make(Self.tables)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        _ = try await reader.start(table.version, key: table.key, keys: [["1", "1"], ["19", "39"], ["3", "4"]])
        #expect(inOrder(try await fixture.rest(reader)) == inOrder([["n1", "1", "1"], ["n39", "39", "19"]]))
        await reader.close()
        await fixture.close()
    }

    /// A leaf is known by its oid: one of another name is read, one that is not part of the table is nothing.
    @Test func renamedDetachedAndDropped() async throws {
        let fixture = try await ChunkFixture.make(Self.tables)
        let parts = try await parts(fixture)
        let reader = try await fixture.source.openChunkReader()
        func rows(_ range: KeyRange) async throws -> Int {
            try await fixture.walk(reader, parts.table, range) { 5000 }.count
        }
        try await fixture.cluster.psql(
            "CREATE SCHEMA other; ALTER TABLE a SET SCHEMA other; ALTER TABLE other.a RENAME TO b2; "
                + "ALTER TABLE b RENAME TO a")
        #expect(try await [rows(parts.a), rows(parts.b)] == [1000, 1000])
        try await fixture.cluster.psql("ALTER TABLE t DETACH PARTITION other.b2; DROP TABLE a")
        #expect(try await [rows(parts.a), rows(parts.b)] == [0, 0])
        try await fixture.cluster.psql("ALTER TABLE t ATTACH PARTITION other.b2 FOR VALUES FROM (0) TO (10)")
        #expect(try await rows(parts.a) == 1000)
        try await fixture.cluster.psql("ALTER TABLE t ADD extra int")
        let changed = await #expect(throws: Failure.self) { try await rows(parts.a) }
        #expect(changed?.kind == .copyInterrupted)
        await reader.close()
        await fixture.close()
    }

    /// The leaf's lock comes before the snapshot.
    @Test(arguments: [
        ("TRUNCATE public.a", 0), ("ALTER TABLE public.t DETACH PARTITION public.a", 0), ("LOCK public.a", 1000),
        ("DROP TABLE public.a", 0),
    ])
    func waitsForTheLeafsLock(_ statement: String, _ count: Int) async throws {
        let fixture = try await ChunkFixture.make(Self.tables)
        let parts = try await parts(fixture)
        let reader = try await fixture.source.openChunkReader()
        let other = fixture.connection
        try await other.query("BEGIN")
        try await other.query(statement)
        let xid = try await other.query("SELECT txid_current()").scalar.flatMap { UInt64($0) }
        let starting = Task {
            try await reader.start(
                parts.table.version, key: parts.table.key, range: parts.a, limit: 5000, where: nil)
        }
        try await eventually("the reader waits") {
            try await fixture.cluster.psql(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'a'::regclass") == "1"
        }
        try await other.query("COMMIT")
        #expect(try await starting.value.snapshot.sees(try #require(xid)))
        #expect(try await fixture.rest(reader).count == count)
        #expect(try await fixture.walk(reader, parts.table, parts.b) { 5000 }.count == 1000)
        await reader.close()
        await fixture.close()
    }
}
