import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// Lines of wal2json name tables, and tables get other names.
@Suite("Tables that wal2json names", .onServers) struct Wal2JSONNamesTests {
    /// The table of the first change that isn't one of `t`.
    private func stranger(_ stream: TestStream) async throws -> TableSchema {
        while true {
            for changes in try await stream.transactions(1) {
                for case .insert(let table, _) in changes where table.schema.name.description != "public.t" {
                    return table.schema
                }
            }
        }
    }

    private func expectGap(_ words: String..., body: () async throws -> Void) async throws {
        let failure = await #expect(throws: Failure.self) { try await body() }
        #expect(failure?.kind == .dataGap && failure?.hint?.contains("wherry ") == true)
        for word in words { #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")") }
    }

    @Test(arguments: [
        "BEGIN; ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (1); ALTER TABLE u RENAME TO t; COMMIT;",
        "BEGIN; SAVEPOINT s; ALTER TABLE t RENAME TO u; RELEASE s; INSERT INTO u VALUES (1); SAVEPOINT s; "
            + "ALTER TABLE u RENAME TO t; RELEASE s; COMMIT;",
        "ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (1); ALTER TABLE u RENAME TO t; TRUNCATE t;",
        "CREATE SCHEMA s; ALTER TABLE t SET SCHEMA s; INSERT INTO s.t VALUES (1); ALTER TABLE s.t SET SCHEMA public;",
        "ALTER SCHEMA public RENAME TO s; INSERT INTO s.t VALUES (1); ALTER SCHEMA s RENAME TO public;",
        "ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (1); ALTER TABLE u RENAME TO t; CREATE TABLE u (id int);",
    ])
    func aTableThatWasCalledOtherwiseForAWhile(statements: String) async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        try await cluster.psql(statements)
        let table = try await stranger(stream)
        try await expectGap(table.name.description, "public.t") {
            _ = try await stream.source.requireUnpublished(table)
        }
        await stream.close()
    }

    /// What happens to the published tables besides makes nobody suspicious.
    @Test func tablesThatComeAndGoStopNobody() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE before (id int PRIMARY KEY, n int); ALTER TABLE before RENAME TO t;")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        for statement in [
            "ALTER TABLE t ADD a text; TRUNCATE t; ALTER TABLE t ALTER n TYPE bigint; VACUUM FULL t;",
            "CREATE TABLE passing (id int PRIMARY KEY); INSERT INTO passing VALUES (1);", "DROP TABLE passing;",
            "CREATE INDEX ON t (a); ALTER TABLE t REPLICA IDENTITY FULL; GRANT SELECT ON t TO public;",
            "GRANT USAGE ON SCHEMA public TO public;",
        ] { try await cluster.psql(statement) }
        let table = try await stranger(stream)
        #expect(try await stream.source.requireUnpublished(table) == nil)
        await stream.close()
    }

    /// The name was left out by the server when the stream began.
    @Test func aNameThatIsFiltered() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        let tables = [TableName(schema: "public", name: "t")]
        try await cluster.psql(
            "CREATE ROLE owner_\(cluster.database); ALTER TABLE t OWNER TO owner_\(cluster.database);")
        try await stream.source.requirePublished(tables)
        try await cluster.psql("INSERT INTO other VALUES (0); INSERT INTO t VALUES (1);")
        _ = try await stream.transaction()
        let position = stream.position
        try await cluster.psql(
            """
            BEGIN;
            ALTER TABLE other RENAME TO away; ALTER TABLE t RENAME TO other;
            INSERT INTO other VALUES (2);
            ALTER TABLE other RENAME TO t; ALTER TABLE away RENAME TO other;
            COMMIT;
            """)
        try await expectGap("table public.t was renamed for a while") {
            try await stream.source.requirePublished(tables)
        }
        // After a restart such a name is not left out.
        try await stream.reopen(after: position)
        let table = try await stranger(stream)
        try await expectGap("public.other", "public.t") { _ = try await stream.source.requireUnpublished(table) }
        try await cluster.psql("ALTER TABLE t RENAME TO t2")
        try await expectGap("was renamed to public.t2") { try await stream.source.requirePublished(tables) }
        await stream.close()
        try await cluster.psql("ALTER TABLE t2 OWNER TO postgres; DROP ROLE owner_\(cluster.database);")
    }

    @Test func aColumnThatIsNoLongerGenerated() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        let tables = [TableName(schema: "public", name: "t")]
        try await cluster.psql("ALTER TABLE t ADD more int GENERATED ALWAYS AS (id) STORED, ADD plain int;")
        try await stream.source.requirePublished(tables)
        try await cluster.psql("ALTER TABLE t ALTER twice DROP EXPRESSION;")
        try await expectGap("public.t is no longer generated") { try await stream.source.requirePublished(tables) }
        try await stream.reopen(after: .zero)
        try await stream.source.requirePublished(tables)
        await stream.close()
    }
}
