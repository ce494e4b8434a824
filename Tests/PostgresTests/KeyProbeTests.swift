import Model
import Postgres
import TestSupport
import Testing

@Suite("Keys that have no row", .onServers)
struct KeyProbeTests {
    private func probing(
        _ sql: String, _ body: (ChunkFixture, ChunkFixture.Table, any KeyProbe) async throws -> Void
    ) async throws {
        let fixture = try await ChunkFixture.make(sql)
        let probe = try await fixture.source.openKeyProbe()
        try await body(fixture, try await fixture.table(), probe)
        await probe.close()
        await fixture.close()
    }

    @Test func onlyThoseWithoutARow() async throws {
        try await probing("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000, 2)") {
            fixture, table, probe in
            let keys = (1...1000).map { ["\($0)"] }
            let found = try await probe.missing(table.version, key: table.key, keys: keys, where: nil)
            #expect(found.missing.sorted() == Array(stride(from: 1, to: 1000, by: 2)) && found.refused.isEmpty)
            let part = try await probe.missing(table.version, key: table.key, keys: keys, where: "id <= 10")
            #expect(part.missing.sorted() == [1, 3, 5, 7, 9])
            let none = try await probe.missing(table.version, key: table.key, keys: [], where: nil)
            #expect(none.missing.isEmpty && none.snapshot.xmax >= found.snapshot.xmax)
        }
    }

    /// What isn't a value of the type says nothing of the others.
    @Test func textsThatAreNoKeys() async throws {
        try await probing(
            """
            CREATE TYPE mood AS ENUM ('good', 'bad', 'so so');
            CREATE TABLE t (m mood, "a b" text COLLATE "C", PRIMARY KEY ("a b", m)); INSERT INTO t VALUES ('good', 'x')
            """
        ) { _, table, probe in
            let moods = ["good", "bad", "nothing", "so so", "", "good"]
            let keys = moods.enumerated().map { [$0 == 5 ? "y" : "x", $1] }
            let found = try await probe.missing(table.version, key: table.key, keys: keys, where: nil)
            #expect(found.missing.sorted() == [1, 3, 5] && found.refused.sorted() == [2, 4])
            let judged = try await probe.missing(
                table.version, key: table.key, keys: keys, where: #"t."a b" = 'x' AND m > 'good' -- so"#)
            #expect(judged.missing.sorted() == [1, 3])
        }
    }

    @Test func whatTheKeyDecides() async throws {
        try await probing(
            "CREATE TABLE t (id int, tenant text, note text, PRIMARY KEY (id, tenant))"
        ) { fixture, table, _ in
            let decided = [
                "id > 5", "t.id = 3 AND tenant <> ''", "true", "id IN (SELECT 1)", "(id, tenant) > (1, 'a')",
            ]
            for condition in decided {
                let byKey = try await fixture.source.isDecidedByKey(condition, of: table.version, key: table.key)
                #expect(byKey, "\(condition)")
            }
            for condition in ["note = 'x'", "id > 5 OR t.note IS NULL", "ctid IS NOT NULL", "public.t.id > 5"] {
                let byKey = try await fixture.source.isDecidedByKey(condition, of: table.version, key: table.key)
                #expect(!byKey, "\(condition)")
            }
        }
    }

    @Test func aTableThatWasReplaced() async throws {
        try await probing("CREATE TABLE t (id int PRIMARY KEY)") { fixture, table, probe in
            try await fixture.cluster.psql("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY)")
            let failure = await #expect(throws: Failure.self) {
                _ = try await probe.missing(table.version, key: table.key, keys: [["1"]], where: nil)
            }
            #expect(failure?.kind == .copyInterrupted)
            // It can be asked again.
            let now = try await fixture.table()
            #expect(try await probe.missing(now.version, key: now.key, keys: [["1"]], where: nil).missing == [0])
        }
    }
}
