import DevServers
import Logging
import Model
import Postgres
import TestSupport
import Testing

/// Both plugins on the same changes.
@Suite("The stream by wal2json", .onServers) struct Wal2JSONStreamTests {
    private static let columns = """
        id integer PRIMARY KEY, big bigint, number numeric, ratio float8, body text, raw bytea, ok boolean,
        at timestamptz, token uuid, doc jsonb, words text[], twice integer GENERATED ALWAYS AS (id * 2) STORED,
        large text, flag public.flag, blob public.blob, share public.share, mood public.mood
        """
    /// With names that each of wal2json's lists has to escape.
    private static let odd = #""we ird"."o,d.d \ * "" x""#

    /// Of domains wal2json prints the values as they are.
    private static let tables = """
        CREATE DOMAIN public.flag AS boolean;
        CREATE DOMAIN public.blob AS bytea;
        CREATE DOMAIN public.share AS float8;
        CREATE TYPE public.mood AS ENUM ('a "b"', 'c');
        CREATE TABLE public.plain (\(columns));
        ALTER TABLE public.plain ALTER COLUMN large SET STORAGE EXTERNAL;
        CREATE SCHEMA "we ird";
        CREATE TABLE \(odd) (\(columns));
        ALTER TABLE \(odd) ALTER COLUMN large SET STORAGE EXTERNAL;
        ALTER TABLE \(odd) REPLICA IDENTITY FULL;
        CREATE TABLE public.pair (n text, "a ""b" text, v date, PRIMARY KEY (n, "a ""b"));
        CREATE TABLE "we ird"."left, out." (id integer);
        CREATE TABLE public.done (id integer PRIMARY KEY);
        """

    private func expectRefusal(_ words: String..., body: () async throws -> Void) async throws {
        let failure = await #expect(throws: Failure.self) { try await body() }
        #expect(failure?.kind == .configuration && failure?.hint != nil)
        for word in words { #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")") }
    }

    /// What a transaction's changes say, with truncations of several tables one by one.
    private func described(_ changes: [Change]) -> [String] {
        changes.flatMap { change -> [String] in
            switch change {
            case .insert(let table, let new): return ["insert \(table.schema.name) \(described(new, table))"]
            case .update(let table, let old, let new):
                return ["update \(table.schema.name) \(described(old, table)) \(described(new, table))"]
            case .delete(let table, let old): return ["delete \(table.schema.name) \(described(old, table))"]
            case .truncate(let tables): return tables.map { "truncate \($0.schema.name)" }
            }
        }
    }

    private func described(_ old: OldRow?, _ table: TableVersion) -> String {
        switch old {
        case nil: "-"
        case .key(let row)?: "key \(described(row, table))"
        case .full(let row)?: "full \(described(row, table))"
        }
    }

    private func described(_ row: Row, _ table: TableVersion) -> String {
        "\(Array(zip(table.schema.columns.map(\.name), values(row))))"
    }

    /// Everything up to the change of `done`.
    private func everything(_ stream: TestStream) async throws -> [[String]] {
        var all: [[String]] = []
        while true {
            for changes in try await stream.transactions(1).map(described) {
                if changes.contains(where: { $0.contains("public.done") }) { return all }
                all.append(changes)
            }
        }
    }

    @Test(arguments: 1...3)
    func saysWhatPgoutputSays(seed: UInt64) async throws {
        let cluster = try await TestCluster.make(Self.tables)
        let names = [
            TableName(schema: "public", name: "plain"), TableName(schema: "we ird", name: #"o,d.d \ * " x"#),
            TableName(schema: "public", name: "pair"), TableName(schema: "public", name: "done"),
        ]
        var streams: [TestStream] = []
        for plugin in OutputPlugin.allCases {
            let source = try PostgresSource(
                SourceSettings(
                    uri: cluster.uri, pipeline: "\(plugin)", slot: "wherry_\(cluster.database)_\(plugin)",
                    publication: "wherry_\(cluster.database)", plugin: plugin, binary: false,
                    hasBinaryCodec: { _ in false }),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            try await source.ensurePublication(tables: names)
            let point = try await source.createSlot(timeout: .seconds(60)).consistentPoint
            streams.append(TestStream(source: source, stream: try await source.open(after: point)))
        }
        let session = try await cluster.connection()
        var changes = Wal2JSONChanges(seed: seed, tables: ["public.plain", Self.odd])
        for _ in 1...150 {
            for statement in changes.transaction() { _ = try await session.query(statement) }
        }
        _ = try await session.query("INSERT INTO public.done VALUES (1)")
        let byPgoutput = try await everything(streams[0])
        let byWal2JSON = try await everything(streams[1])
        #expect(byPgoutput.count > 50 && byPgoutput.joined().contains { $0.contains("\"?\"") })
        #expect(byPgoutput.count == byWal2JSON.count)
        for (one, other) in zip(byPgoutput, byWal2JSON) where one != other {
            Issue.record("seed \(seed): pgoutput \(one), wal2json \(other)")
            break
        }
        await session.close()
        for stream in streams { await stream.close() }
    }

    @Test func columnsComeAndGo() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY, a text, b text);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        for statement in [
            "INSERT INTO t VALUES (1, 'x', 'y')", "ALTER TABLE t ADD c int DEFAULT 3", "UPDATE t SET b = 'z'",
            "ALTER TABLE t DROP a", "UPDATE t SET b = 'u'", "ALTER TABLE t ALTER c TYPE bigint",
            "ALTER TABLE t RENAME b TO d", "INSERT INTO t VALUES (2, 'w', 4)",
        ] { try await cluster.psql(statement) }
        var seen: [String] = []
        // A rewrite is no change.
        for changes in try await stream.transactions(4) {
            for case .insert(let table, let row) in changes { seen.append(described(row, table)) }
            for case .update(let table, _, let row) in changes { seen.append(described(row, table)) }
        }
        // What the table had then; `a` and `b` are gone by now, and may not be missed.
        #expect(seen[0] == #"[("id", Optional("1")), ("a", Optional("x")), ("b", Optional("y"))]"#)
        #expect(seen[1].contains(#"("b", Optional("z"))"#) && seen[1].contains(#"("c", Optional("3"))"#))
        #expect(seen[2].contains(#"("b", Optional("u"))"#))
        #expect(seen[3] == #"[("id", Optional("2")), ("d", Optional("w")), ("c", Optional("4"))]"#)
        await stream.close()
    }

    /// A renamed table is not silent; one that is gone again stops nobody.
    @Test func tablesUnderOtherNames() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        for statement in [
            "CREATE TABLE passing (id int PRIMARY KEY, a text)", "INSERT INTO passing VALUES (1, 'x')",
            "UPDATE passing SET a = 'y'", "DROP TABLE passing",
        ] { try await cluster.psql(statement) }
        let changes = try await stream.transactions(2)
        guard case .update(let passing, _, let row)? = changes[1].first else {
            return #expect(Bool(false), "\(changes)")
        }
        #expect(values(row) == ["1", "y"])
        #expect(try await stream.source.requireUnpublished(passing.schema) == nil)
        try await cluster.psql("ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (1);")
        guard case .insert(let renamed, _)? = try await stream.transaction().first else {
            throw Late(what: "an insert")
        }
        await #expect(throws: Failure.self) { try await stream.source.requireUnpublished(renamed.schema) }
        await stream.close()
    }

    @Test func messagesAndHeartbeats() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        let token = try await stream.source.emit(token: "chunk-é-1")
        try await cluster.psql("SELECT pg_logical_emit_message(true, 'other', 'x'); INSERT INTO t VALUES (1);")
        _ = try await stream.transaction()
        #expect(stream.messages.map(\.prefix) == ["wherry"])
        #expect(stream.messages.first?.content == Array("chunk-é-1".utf8))
        #expect(stream.position > token)
        // A start behind a commit doesn't bring it again.
        await stream.stream.close()
        try await stream.reopen(after: stream.position)
        try await cluster.psql("INSERT INTO t VALUES (2);")
        guard case .insert(_, let row)? = try await stream.transaction().first else { throw Late(what: "an insert") }
        #expect(values(row) == ["2"])
        await stream.close()
    }

    /// 2.5 sends these as null; the row says what they are.
    @Test func numbersThatAreNone() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int, k text, n numeric, f float8, g float4 NOT NULL DEFAULT 'NaN', PRIMARY KEY (id, k));"
        )
        let stream = try await cluster.stream("t", plugin: .wal2json)
        try await cluster.psql(
            """
            BEGIN;
            INSERT INTO t VALUES (1, 'a''b', 'NaN', '-Infinity'), (2, 'c', NULL, 'Infinity'), (3, 'd', 'Infinity', NULL);
            INSERT INTO t VALUES (4, 'e', 4, NULL); DELETE FROM t WHERE id = 4;
            COMMIT;
            """)
        let rows = try await stream.transaction().compactMap { change -> [String?]? in
            if case .insert(_, let row) = change { values(row) } else { nil }
        }
        #expect(
            rows == [
                ["1", "a'b", "NaN", "-Infinity", "NaN"], ["2", "c", nil, "Infinity", "NaN"],
                ["3", "d", "Infinity", nil, "NaN"], ["4", "e", "4", nil, nil],
            ])
        await stream.close()
    }

    @Test func whatItCannotDoIsRefused() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE p (id int PRIMARY KEY, x float8) PARTITION BY RANGE (id);"
                + "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE t (id int PRIMARY KEY);")
        let source = try cluster.source(plugin: .wal2json)
        try await expectRefusal("public.p is partitioned", "wal2json") {
            try await source.ensurePublication(tables: [TableName(schema: "public", name: "p")])
        }
        let scope = PreflightScope(schemas: ["public"], plugin: "wal2json")
        let codes = Set(try await source.preflight(scope).map(\.code))
        #expect(
            codes.isSuperset(of: ["wal2json_partitioned", "wal2json_numbers"]) && !codes.contains("stream_as_text"))
        await source.close()

        try await cluster.server.psql(
            "CREATE DATABASE \(cluster.database)_l ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        let latin = TestCluster(server: cluster.server, database: "\(cluster.database)_l")
        try await latin.psql("CREATE TABLE t (id int PRIMARY KEY)")
        let other = try latin.source(plugin: .wal2json)
        try await expectRefusal("LATIN1") {
            try await other.ensurePublication(tables: [TableName(schema: "public", name: "t")])
        }
        #expect(try await other.preflight(scope).contains { $0.code == "wal2json_encoding" })
        await other.close()
    }
}
