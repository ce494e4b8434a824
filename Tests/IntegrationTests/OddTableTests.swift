import BSON
import DevServers
import Postgres
import TestSupport
import Testing

/// Tables of unusual sizes, keys and statistics, copied both ways: every row is read once.
@Suite(.onServers) struct OddTableTests {
    static let modes = ["live", "exported"]

    /// Name, columns of the key, and their values for the row `n`.
    private static let keys = [
        ("negative", "a bigint", "-n::bigint * 1000003"), ("floats", "a float8", "(n - 4000) / 7.0"),
        ("numerics", "a numeric", "(n - 4000)::numeric / 8"), ("bytes", "a bytea", "decode(md5(n::text), 'hex')"),
        ("times", "a timestamptz", "'2020-01-01'::timestamptz - n * interval '1.000001 seconds'"),
        ("moods", "a public.mood, b integer", "(enum_range(NULL::public.mood))[1 + n % 3], n"),
        ("codes", "a public.code", "'c' || n"), ("bool", "a boolean, b integer", "n % 2 = 0, n"),
        ("pairs", "a text, b uuid", "substr(md5(n::text), 1, 1), md5(n::text)::uuid"),
        ("icu", "a text COLLATE \"en-x-icu\"", "substr(md5(n::text), 1, 2 + n % 9) || n"),
        ("folded", "a text COLLATE public.folded", "translate(md5(n::text), 'abc', 'AbÇ') || n"),
        ("folded_pair", "a text COLLATE public.folded, b integer", "upper(substr(md5(n::text), 1, 1)), n"),
    ]

    private static let types = """
        CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy');
        CREATE DOMAIN public.code AS text CHECK (length(VALUE) < 20);
        CREATE COLLATION public.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        """

    private static func table(_ name: String, _ columns: String, _ values: String, rows: Int) -> String {
        let names = columns.split(separator: ", ").map { $0.prefix { $0 != " " } }.joined(separator: ", ")
        return """
            CREATE TABLE public.\(name) (n integer NOT NULL, \(columns), PRIMARY KEY (\(names)))
                WITH (autovacuum_enabled = off);
            INSERT INTO public.\(name) (n, \(names)) SELECT n, \(values) FROM generate_series(1, \(rows)) n;
            """
    }

    /// Rows whose documents have another number of them than one, by the column `n`; and how many rows there are.
    private func difference(_ fixture: PipelineFixture, _ table: String) async throws -> (Set<String>, Int) {
        let rows = try await fixture.sql("SELECT n FROM public.\(table)").rows.compactMap { $0[0] }
        let documents = try await fixture.inspector.documents(table, projection: ["n": 1])
            .compactMap { $0["n"]?.asInt.map { "\($0)" } }
        let twice = Dictionary(grouping: documents) { $0 }.filter { $1.count > 1 }.map(\.key)
        return (Set(rows).symmetricDifference(documents).union(twice), rows.count)
    }

    private func copy(_ fixture: PipelineFixture, _ tables: [String], mode: String) async throws {
        let run = try await fixture.catchUp(limits: BatchSizes(operations: 1000, backfill: mode))
        let line = try #require(run.logLines.first { $0.message.hasSuffix(" finished") && $0["rows_copied"] != nil })
        var all = 0
        for table in tables {
            let (wrong, rows) = try await difference(fixture, table)
            #expect(wrong.isEmpty, "\(table): \(wrong.prefix(10))")
            all += rows
        }
        #expect(line.int("rows_copied") == all)
    }

    @Test(arguments: modes) func keysOfManyTypes(_ mode: String) async throws {
        let fixture = try await PipelineFixture("oddkeys")
        try await fixture.sql(Self.types)
        for (name, columns, values) in Self.keys {
            try await fixture.sql(Self.table(name, columns, values, rows: 8000))
            if name.count % 2 == 0 { try await fixture.sql("ANALYZE public.\(name)") }
        }
        try await copy(fixture, Self.keys.map(\.0), mode: mode)
        // Types whose documents the comparison has an expectation of.
        #expect(try await fixture.compare(excluding: ["times", "codes"]) == [])
    }

    /// What the statistics say is nothing, or what is gone.
    @Test(arguments: modes) func statisticsThatHelpNobody(_ mode: String) async throws {
        let fixture = try await PipelineFixture("oddstats")
        func make(_ name: String, rows: Int) async throws {
            try await fixture.sql(Self.table(name, "id integer", "n", rows: rows))
        }
        for (name, rows) in [("hollow", 0), ("single", 1), ("unseen", 30_000), ("grown", 20), ("passed", 20_000)] {
            try await make(name, rows: rows)
        }
        try await fixture.sql("ANALYZE public.hollow")
        try await fixture.sql("ANALYZE public.grown")
        try await fixture.sql("INSERT INTO public.grown SELECT n, n FROM generate_series(21, 30000) n")
        // Every value is above the histogram's.
        try await fixture.sql("ANALYZE public.passed")
        try await fixture.sql("UPDATE public.passed SET id = id + 1000000")
        try await copy(fixture, ["hollow", "single", "unseen", "grown", "passed"], mode: mode)
        #expect(try await fixture.compare() == [])
    }
}
