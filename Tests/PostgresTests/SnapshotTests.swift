import Model
import Postgres
import TestSupport
import Testing

@Suite("The initial copy", .onServers)
struct SnapshotTests {
    private func table(_ source: PostgresSource, _ name: String = "t") async throws -> TableVersion {
        let tables = try await source.tables(schemas: ["public"])
        let found = try #require(tables.first { $0.name.name == name })
        return TableVersion(schema: found.schema)
    }

    private func copy(_ reader: any SnapshotReader, _ range: CopyRange, maxBytes: Int = 100_000) async throws -> [Row] {
        try await reader.start(range)
        var rows: [Row] = []
        while case let more = try await reader.next(maxBytes: maxBytes), !more.isEmpty { rows += more }
        return rows
    }

    @Test func severalRangesAreTheWholeTableAtTheConsistentPoint() async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE TABLE t (id int PRIMARY KEY, note text, twice int GENERATED ALWAYS AS (id * 2) STORED);
            INSERT INTO t SELECT n, CASE WHEN n % 7 > 0 THEN repeat('x', n % 300) END FROM generate_series(1, 20000) n;
            CREATE TABLE small (id int PRIMARY KEY);
            ANALYZE;
            """)
        let source = try cluster.source()
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        try await cluster.psql("DELETE FROM t WHERE id <= 10; INSERT INTO t SELECT generate_series(30001, 31000);")
        let tables = [try await table(source, "small"), try await table(source)]
        let ranges = try await source.planRanges(tables, targetPages: 100)
        #expect(ranges.last?.table.schema.name.name == "small")
        #expect(ranges.count > 3)
        let reader = try await source.snapshotSource(snapshot).openReader()
        let second = try await source.snapshotSource(snapshot).openReader()
        var ids: [Int32] = []
        for (index, range) in ranges.enumerated() {
            let rows = try await copy(index % 2 == 0 ? reader : second, range)
            for row in rows {
                #expect(row.fields.count == range.table.schema.columns.count)
                ids.append(row.bytes(row.fields[0]).loadUnaligned(as: Int32.self).bigEndian)
            }
        }
        #expect(ids.sorted() == Array(1...20_000))
        await reader.close()
        await second.close()
        await source.close()
    }

    /// Where the server compares texts otherwise than by bytes, all rows are read.
    @Test(arguments: [true, false]) func onlyRowsOfTheConditionAreRead(isByBytes: Bool) async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            CREATE TABLE t (id int PRIMARY KEY, state text \(isByBytes ? "" : "COLLATE loose"));
            INSERT INTO t SELECT n, CASE WHEN n % 3 > 0 THEN 'open' END FROM generate_series(1, 9000) n;
            """)
        let source = try cluster.source()
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        let table = try await table(source)
        let reader = try await source.snapshotSource(snapshot).openReader()
        var count = 0
        for pages: (UInt32?, UInt32?) in [(nil, 10), (10, nil)] {
            count += try await copy(
                reader,
                CopyRange(
                    table: table, firstPage: pages.0, endPage: pages.1, estimatedRows: 0,
                    condition: #""id" < 7 OR "state" = 'open' AND "id" > 3000"#)
            ).count
        }
        #expect(count == (isByBytes ? 6 + 4000 : 9000))
        await reader.close()
        await source.close()
    }

    @Test func valuesWithoutBinaryFormAreTheOutputFunctionsText() async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE TYPE pair AS (a int, b inet); CREATE TYPE span AS RANGE (subtype = inet);
            CREATE TABLE t (id int PRIMARY KEY, address inet, range span, pair pair, empty text);
            INSERT INTO t VALUES (1, '10.0.0.1', '[::,::5)', '(7,)', ''), (2, NULL, NULL, '(,)', NULL), (3, NULL, NULL, NULL, '');
            """)
        let source = try cluster.source()
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        let reader = try await source.snapshotSource(snapshot).openReader()
        let ranges = try await source.planRanges([try await table(source)])
        #expect(ranges.count == 1)
        let rows = try await copy(reader, ranges[0])
        #expect(
            rows.map { values($0) } == [
                ["00000001", "10.0.0.1", "[::,::5)", "(7,)", ""], ["00000002", nil, nil, "(,)", nil],
                ["00000003", nil, nil, nil, ""],
            ])
        #expect(rows[0].fields.map(\.kind) == [.binary, .text, .text, .text, .binary])
        await reader.close()
        await source.close()
    }

    @Test(arguments: ["TRUNCATE t", "ALTER TABLE t ALTER id TYPE bigint", "DROP TABLE t", "ALTER TABLE t RENAME TO u"])
    func aTableThatChangedSinceTheSnapshot(_ statement: String) async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100);")
        let source = try cluster.source()
        let table = try await table(source)
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        let reader = try await source.snapshotSource(snapshot).openReader()
        try await cluster.psql(statement)
        let failure = await #expect(throws: Failure.self) {
            try await reader.start(CopyRange(table: table, firstPage: nil, endPage: nil, estimatedRows: 0))
        }
        #expect(failure?.kind == .copyInterrupted)
        await reader.close()
        await source.close()
    }

    @Test func aSnapshotWhoseSessionHasEnded() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let source = try cluster.source()
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        await source.close()
        try await eventually("the snapshot is gone") {
            do {
                await (try await source.snapshotSource(snapshot).openReader()).close()
                return false
            } catch let failure as Failure {
                #expect(failure.kind == .copyInterrupted)
                return true
            }
        }
        await source.close()
    }

    @Test func rangesOfEveryPage() throws {
        let schema = TableSchema(
            oid: 1, name: TableName(schema: "public", name: "t"), columns: [], replicaIdentity: .primaryKey)
        for (pages, count) in [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)] {
            let ranges = CopyPlan.ranges(
                TableVersion(schema: schema), pages: pages, estimatedRows: 900, targetPages: 100)
            #expect(ranges.count == count)
            #expect(ranges.first?.firstPage == nil)
            #expect(ranges.last?.endPage == nil)
            for (range, following) in zip(ranges, ranges.dropFirst()) {
                #expect(range.endPage != nil)
                #expect(range.endPage == following.firstPage)
            }
        }
    }
}
