import Model
import Postgres
import TestSupport
import Testing

/// Whatever a key is made of, ranges and chunks bring every row once.
@Suite("Chunks along keys of many types", .onServers)
struct ChunkKeyTests {
    struct Key: CustomTestStringConvertible, Sendable {
        let columns: [String]
        /// SQL of the columns' values; `n` counts rows, `r` is a random number below 1.
        let values: String
        var testDescription: String { columns.joined(separator: ", ") }

        init(_ columns: String..., values: String) {
            self.columns = columns
            self.values = values
        }
    }

    private static let types = """
        CREATE SCHEMA "Ext tension"; CREATE EXTENSION citext; CREATE EXTENSION ltree SCHEMA "Ext tension";
        CREATE TYPE mood AS ENUM ('sad', 'a "quoted" one', 'happy', 'it''s');
        CREATE DOMAIN code AS citext CHECK (length(VALUE) > 0); CREATE DOMAIN small AS int; CREATE DOMAIN tiny AS small;
        CREATE FUNCTION word(n int, r float8) RETURNS text LANGUAGE sql AS $$
            SELECT translate(substr(md5(n::text), 1, 3 + n % 9), '0123456789', 'AÄßéZz''"\\ ') || chr(33 + (r * 90)::int) || n
                -- Quotes that are one character with what is beside them.
                || CASE n % 5 WHEN 1 THEN chr(39) || chr(769) WHEN 2 THEN chr(1536) || chr(39) ELSE chr(46) END
        $$;
        """

    static let keys = [
        Key("a bigint", values: "(r * 1e15)::bigint - 500000000000000"),
        Key("a smallint", values: "n"), Key("a oid", values: "(r * 4e9)::bigint::oid"),
        Key("a numeric", values: "CASE n WHEN 1 THEN 'NaN' ELSE (r * 10 ^ (n % 30))::numeric / 7 END"),
        Key(
            "a float8",
            values:
                "CASE n WHEN 1 THEN 'NaN' WHEN 2 THEN '-0' WHEN 3 THEN 'Infinity' ELSE (r - 0.5) * 10 ^ (n % 200) END"),
        Key("a real", values: "(r - 0.5) * n"), Key("a text", values: "word(n, r)"),
        Key(#"a text COLLATE "C""#, values: "word(n, r)"), Key(#"a text COLLATE "en-x-icu""#, values: "word(n, r)"),
        Key("a varchar(80)", values: "word(n, r)"), Key("a char(40)", values: "word(n, r)"),
        Key("a name", values: "word(n, r)::name"), Key("a citext", values: "word(n, r)::citext"),
        Key("a code", values: "word(n, r)::code"), Key("a tiny", values: "n * 3 - 5000"),
        Key("a uuid", values: "md5(r::text)::uuid"), Key("a bytea", values: "decode(md5(r::text), 'hex')"),
        Key("a timestamptz", values: "CASE n WHEN 1 THEN '-infinity' ELSE now() - r * interval '90 years' END"),
        Key("a date", values: "'2000-01-01'::date + n - 800000 * (n % 3)"),
        Key("a interval", values: "r * interval '9 years' * (n % 5 - 2)"),
        Key("a time", values: "'0:0'::time + r * interval '1 day'"),
        Key("a bit(40)", values: "(r * 1e12)::bigint::bit(40)"), Key("a inet", values: "'10.0.0.0'::inet + n"),
        Key("a int[]", values: "ARRAY[(r * 9)::int, NULL, n]"),
        Key("a int4range", values: "int4range(n, n + (r * 9)::int)"),
        Key(#"a "Ext tension".ltree"#, values: #"('a' || n % 7 || '.b' || n)::"Ext tension".ltree"#),
        Key("a boolean", "b mood", "c int", values: "r < 0.3, (enum_range(NULL::mood))[1 + n % 4], n"),
        Key("a mood", "b uuid", values: "(enum_range(NULL::mood))[1 + n % 4], md5(r::text)::uuid"),
        Key("a int", "b text", values: "n % 9, word(n, r)"),
        Key(#"a text COLLATE "en-x-icu""#, "b bigint", values: "substr(word(n, r), 1, 2), n"),
        Key("a citext", "b bigint", values: "substr(word(n, r), 1, 2)::citext, n"),
        Key(
            "a bigint", "b citext", "c date",
            values: "n % 3, substr(word(n, r), 1, 2)::citext, '2000-01-01'::date + n"),
        Key("a citext", "b code", values: "substr(word(n, r), 1, 1)::citext, word(n, r)::code"),
        Key(#""we""ird, \ name" int"#, #""b'" varchar"#, values: "n % 40, word(n, r)"),
    ]

    @Test(arguments: keys.indices)
    func everyRowOnce(_ index: Int) async throws {
        let key = Self.keys[index]
        var random = SeededGenerator(seed: UInt64(index))
        let fixture = try await ChunkFixture.make(Self.types)
        let rows = Int.random(in: 800...2500, using: &random)
        let names = key.columns.map { name(of: $0) }.joined(separator: ", ")
        // The key's columns neither first in the table nor in its order.
        try await fixture.cluster.psql(
            """
            CREATE TABLE t (
                note text, \(key.columns.reversed().joined(separator: ", ")), number int NOT NULL, range int4range,
                PRIMARY KEY (\(names))) WITH (autovacuum_enabled = off);
            SELECT setseed(0.\(index + 1));
            INSERT INTO t (\(names), note, number, range)
            SELECT \(key.values), CASE WHEN n % 3 > 0 THEN repeat('x', n % 90) END, n,
                   CASE WHEN n % 5 > 0 THEN int4range(n, NULL) END
              FROM (SELECT n, random() AS r FROM generate_series(1, \(rows)) n) AS numbers ON CONFLICT DO NOTHING;
            """)
        let history = Int.random(in: 0..<4, using: &random)
        try await fixture.cluster.psql(Self.histories[history])
        let table = try await fixture.table()
        let ranges = try await fixture.source.planSegments(table.version, key: table.key, where: nil, rowsPerRange: 60)
        #expect(ranges.count > 1)
        let readers = [try await fixture.source.openChunkReader(), try await fixture.source.openChunkReader()]
        var read: [[String?]] = []
        for range in ranges.shuffled(using: &random) {
            read += try await fixture.walk(readers[Int.random(in: 0...1, using: &random)], table, range) {
                Int.random(in: 1...(random.chance(20) ? 3 : 300), using: &random)
            }
        }
        #expect(inOrder(read) == inOrder(try await fixture.select(table)), "seed \(index), history \(history)")
        #expect(read.count > 700)
        try await singleRows(fixture, table, readers[0], &random)
        for reader in readers { await reader.close() }
        await fixture.close()
    }

    /// What the statistics know: nothing, everything, half of it, or what is gone.
    private static let histories = [
        "SELECT 1", "ANALYZE t", "SET default_statistics_target = 7; ANALYZE t; DELETE FROM t WHERE number % 11 = 0",
        "CREATE TABLE copy AS TABLE t; DELETE FROM t WHERE number > 400; ANALYZE t; "
            + "INSERT INTO t TABLE copy ON CONFLICT DO NOTHING; "
            + "UPDATE pg_class SET reltuples = 90000 WHERE relname = 't'",
    ]

    private func name(of column: String) -> String {
        column.hasPrefix("\"")
            ? String(column[...(column.lastIndex(of: "\"")!)]) : String(column.prefix { $0 != " " })
    }

    /// Rows by their keys as they were read.
    private func singleRows(
        _ fixture: ChunkFixture, _ table: ChunkFixture.Table, _ reader: any ChunkReader,
        _ random: inout SeededGenerator
    ) async throws {
        let all = try await fixture.select(table)
        let chosen = all.shuffled(using: &random).prefix(50)
        let positions = table.key.map { name in table.version.schema.columns.firstIndex { $0.name == name }! }
        let keys = chosen.map { row in positions.map { row[$0] ?? "" } }
        _ = try await reader.start(table.version, key: table.key, keys: keys + keys.prefix(3))
        #expect(inOrder(try await fixture.rest(reader)) == inOrder(Array(chosen)))
    }
}
