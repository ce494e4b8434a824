import Model
import Postgres
import TestSupport
import Testing

@Suite("Chunks", .onServers)
struct ChunkTests {
    private static let numbers =
        "CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT n, 'n' || n FROM generate_series(1, 1000) n;"

    @Test func boundariesOfAChunk() async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        func read(_ range: KeyRange, limit: Int) async throws -> (ids: [Int], end: [String]?) {
            let start = try await reader.start(
                table.version, key: table.key, range: range, limit: limit, where: nil)
            return (try await fixture.rest(reader).compactMap { $0[0].flatMap { Int($0) } }.sorted(), start.end)
        }
        #expect(try await read(KeyRange(), limit: 10) == (Array(1...10), ["10"]))
        #expect(try await read(KeyRange(after: ["10"], through: ["20"]), limit: 9) == (Array(11...19), ["19"]))
        // The range's last row and the limit's are the same: the next chunk is empty.
        #expect(try await read(KeyRange(after: ["10"], through: ["20"]), limit: 10) == (Array(11...20), ["20"]))
        #expect(try await read(KeyRange(after: ["20"], through: ["20"]), limit: 10) == ([], nil))
        #expect(try await read(KeyRange(after: ["10"], through: ["20"]), limit: 11) == (Array(11...20), nil))
        #expect(try await read(KeyRange(after: ["995"]), limit: .max) == (Array(996...1000), nil))
        #expect(try await read(KeyRange(through: ["3"]), limit: 0) == ([1], ["1"]))
        #expect(try await reader.next(maxBytes: 1).isEmpty)
        await reader.close()
        await fixture.close()
    }

    @Test func emptyAndOneRowTables() async throws {
        let fixture = try await ChunkFixture.make(
            "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE one (a int, b text, PRIMARY KEY (b, a)); "
                + "INSERT INTO one VALUES (1, 'x'); ANALYZE;")
        let reader = try await fixture.source.openChunkReader()
        for (name, count) in [("t", 0), ("one", 1)] {
            let table = try await fixture.table(name)
            let ranges = try await fixture.source.planSegments(table.version, key: table.key, where: nil)
            #expect(ranges == [KeyRange()])
            #expect(try await fixture.walk(reader, table) { 1 }.count == count)
        }
        await reader.close()
        await fixture.close()
    }

    /// A bound may be the key's first columns only.
    @Test func boundsOfACompositeKey() async throws {
        let fixture = try await ChunkFixture.make(
            "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b)); "
                + "INSERT INTO t SELECT a, b FROM generate_series(1, 5) a, generate_series(1, 5) b;")
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        func read(after: [String]?, through: [String]?) async throws -> [String] {
            _ = try await reader.start(
                table.version, key: table.key, range: KeyRange(after: after, through: through), limit: 100, where: nil)
            return try await fixture.rest(reader).map { "\($0[0]!)\($0[1]!)" }.sorted()
        }
        #expect(try await read(after: ["4"], through: nil) == ["51", "52", "53", "54", "55"])
        #expect(try await read(after: ["2"], through: ["3"]) == ["31", "32", "33", "34", "35"])
        #expect(try await read(after: ["3", "3"], through: ["3"]) == ["34", "35"])
        #expect(try await read(after: ["3", "4"], through: ["4", "1"]) == ["35", "41"])
        #expect(try await read(after: ["3"], through: ["3", "2"]) == [])
        for bound in [[], ["1", "2", "3"]] {
            let failure = await #expect(throws: Failure.self) { try await read(after: bound, through: nil) }
            #expect(failure?.kind == .unexpected)
        }
        #expect(try await read(after: nil, through: ["1", "1"]) == ["11"])
        await reader.close()
        await fixture.close()
    }

    /// Beside other writers every row that was there all the time is read once, whatever becomes of the bounds.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func besideOtherWriters(_ seed: UInt64) async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        var random = SeededGenerator(seed: seed)
        var gone: Set<Int> = []
        let rows = try await fixture.walk(reader, table, limit: { Int.random(in: 1...60, using: &random) }) { end in
            let bound = try #require(Int(end[0]))
            gone.insert(bound)
            let inserted = Int.random(in: 1001...100_000, using: &random)
            try await fixture.cluster.psql(
                "DELETE FROM t WHERE id IN (\(bound), \(bound + 1)); "
                    + "INSERT INTO t VALUES (\(-inserted)), (\(inserted)) ON CONFLICT DO NOTHING;")
            gone.insert(bound + 1)
        }
        let ids = rows.compactMap { $0[0].flatMap { Int($0) } }
        #expect(Set(ids).count == ids.count)
        #expect(!ids.contains { $0 < 0 })
        #expect(Set(1...1000).subtracting(gone).isSubset(of: ids))
        await reader.close()
        await fixture.close()
    }

    @Test func singleRows() async throws {
        let fixture = try await ChunkFixture.make(
            "CREATE EXTENSION citext; CREATE TABLE t (a citext, b int, PRIMARY KEY (a, b)); "
                + "INSERT INTO t VALUES ('x', 1), ('x', 2), ('y', 1);")
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        let start = try await reader.start(
            table.version, key: table.key, keys: [["X", "1"], ["x", "1"], ["y", "2"], ["Y", "1"]])
        #expect(start.end == nil)
        #expect(inOrder(try await fixture.rest(reader)) == inOrder([["x", "1"], ["y", "1"]]))
        _ = try await reader.start(table.version, key: table.key, keys: [])
        #expect(try await fixture.rest(reader).isEmpty)
        let failure = await #expect(throws: Failure.self) {
            try await reader.start(table.version, key: table.key, keys: [["x"]])
        }
        #expect(failure?.kind == .unexpected)
        await reader.close()
        await fixture.close()
    }

    /// Binary where there is a codec, text elsewhere, as in a copy.
    @Test func valuesComeInTheirForms() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int PRIMARY KEY, address inet, twice int GENERATED ALWAYS AS (id * 2) STORED, note text); "
                + "INSERT INTO t VALUES (1, '10.0.0.1', DEFAULT, NULL);")
        let source = try cluster.source()
        let found = try #require(try await source.tables(schemas: ["public"]).first)
        let reader = try await source.openChunkReader()
        _ = try await reader.start(
            TableVersion(schema: found.schema), key: ["id"], range: KeyRange(), limit: 5, where: nil)
        let rows = try await reader.next(maxBytes: 1000)
        #expect(rows.map { values($0) } == [["00000001", "10.0.0.1", nil]])
        #expect(rows.first?.fields.map(\.kind) == [.binary, .text, .null])
        await reader.close()
        await source.close()
    }

    /// The rows of a chunk left in the middle don't appear in the next one.
    @Test func aChunkIsGivenUp() async throws {
        let fixture = try await ChunkFixture.make(
            "CREATE TABLE t (id int PRIMARY KEY, note text); "
                + "INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 20000) n;")
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        _ = try await reader.start(table.version, key: table.key, range: KeyRange(), limit: 20_000, where: nil)
        #expect(try await !reader.next(maxBytes: 100).isEmpty)
        _ = try await reader.start(
            table.version, key: table.key, range: KeyRange(after: ["19998"]), limit: 5, where: nil)
        #expect(try await fixture.rest(reader).map { $0[0] } == ["19999", "20000"])
        await reader.close()
        await fixture.close()
    }
}
