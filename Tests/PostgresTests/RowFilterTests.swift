import DevServers
import Model
import Postgres
import Synchronization
import TestSupport
import Testing

/// Filters of the publication, on a real server.
@Suite(.onServers) struct RowFilterTests {
    private let table = TableName(schema: "public", name: "t")

    private func cluster() async throws -> TestCluster {
        try await TestCluster.make(
            """
            CREATE TABLE t (id int PRIMARY KEY, state text NOT NULL, big text);
            ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
            CREATE UNIQUE INDEX by_state ON t (id, state);
            ALTER TABLE t REPLICA IDENTITY USING INDEX by_state;
            CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
            CREATE TABLE leaf PARTITION OF parted DEFAULT;
            """)
    }

    /// What is stored is what the server shows, and only while it is accepted the publication fits.
    @Test func aFilterIsSetAcceptedAndTakenAway() async throws {
        let cluster = try await cluster()
        let source = try cluster.source()
        try await source.ensurePublication(tables: [table])
        let stored = Mutex<String?>(nil)
        let refusal = try await source.setRowFilter("\"state\" <> 'x'", of: table) { text in
            stored.withLock { $0 = text }
        }
        #expect(refusal == nil)
        let text = try #require(stored.withLock { $0 })
        #expect(try await source.rowFilters() == [table: text])
        await #expect(throws: Failure.self) { try await source.ensurePublication(tables: [table]) }
        await source.accept(rowFilters: [table: text])
        try await source.ensurePublication(tables: [table])
        await source.accept(rowFilters: [table: "(state <> 'y'::text)"])
        await #expect(throws: Failure.self) { try await source.ensurePublication(tables: [table]) }
        try await source.clearRowFilter(of: table)
        #expect(try await source.rowFilters() == [:])
        try await source.ensurePublication(tables: [table])
        await source.close()
    }

    /// The application's writes never fail for it, and nothing is left of one that wasn't stored.
    @Test func aFilterThatCannotBe() async throws {
        let cluster = try await cluster()
        let source = try cluster.source()
        let parted = TableName(schema: "public", name: "parted")
        try await source.ensurePublication(tables: [table, parted])
        let never: @Sendable (String) async throws -> Void = { _ in Issue.record("nothing is to be stored") }
        #expect(try await source.setRowFilter("id > 5", of: parted, storing: never) == "it is partitioned")
        for (condition, reason) in [
            ("big = 'x'", "its replica identity lacks"), ("now() > '2024-01-01'", "publication"),
        ] {
            let refusal = try await source.setRowFilter(condition, of: table, storing: never)
            #expect(refusal?.contains(reason) == true, "\(condition): \(refusal ?? "taken")")
        }
        await #expect(throws: Failure.self) {
            _ = try await source.setRowFilter("id > 5", of: table) { _ in throw Failure(.fenced, "taken over") }
        }
        #expect(try await source.rowFilters() == [:])
        try await cluster.psql("INSERT INTO t VALUES (1, 'a', 'b'); UPDATE t SET big = 'c'; DELETE FROM t")
        await source.close()
    }

    /// A row that enters comes as INSERT, with its large value unsent; one that leaves as DELETE; others not at all.
    @Test func whatTheServerMakesOfUpdates() async throws {
        let cluster = try await cluster()
        let stream = try await cluster.stream("t", binary: false)
        #expect(try await stream.source.setRowFilter("state <> 'x'", of: table) { _ in } == nil)
        try await cluster.psql("INSERT INTO t VALUES (1, 'x', repeat('b', 9000)), (2, 'x', ''), (3, 'a', '')")
        try await cluster.psql("UPDATE t SET state = 'y' WHERE id = 1")
        try await cluster.psql("UPDATE t SET id = 9 WHERE id = 2")
        try await cluster.psql("UPDATE t SET state = 'x' WHERE id = 3")
        try await cluster.psql("TRUNCATE t")
        let changes = try await stream.transactions(4).flatMap { $0 }
        #expect(changes.map { $0.summary } == ["insert 3,a,", "insert 1,y,?", "delete 3,a,-", "truncate"])
        await stream.close()
    }
}

extension Change {
    fileprivate var summary: String {
        func text(_ row: Row) -> String { values(row).map { $0 ?? "-" }.joined(separator: ",") }
        return switch self {
        case .insert(_, let row): "insert \(text(row))"
        case .update(_, _, let row): "update \(text(row))"
        case .delete(_, let old): "delete \(text(old.row))"
        case .truncate: "truncate"
        }
    }
}
