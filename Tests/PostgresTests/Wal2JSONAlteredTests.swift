import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// Lines of wal2json that were written before their table was altered.
@Suite("wal2json and tables that were altered since", .onServers) struct Wal2JSONAlteredTests {
    private func rows(_ changes: [Change]) -> [[String?]] {
        changes.compactMap { change in
            switch change {
            case .insert(_, let row), .update(_, _, let row): values(row)
            case .delete, .truncate: nil
            }
        }
    }

    /// Only the old row of such an update has the column, and of its old type.
    @Test func fullIdentityAndAnotherTypeByNow() async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE TABLE t (id int PRIMARY KEY, a text, b text, c int); ALTER TABLE t REPLICA IDENTITY FULL;
            ALTER TABLE t ALTER b SET STORAGE EXTERNAL;
            """)
        let stream = try await cluster.stream("t", plugin: .wal2json)
        let large = String(repeating: "1", count: 5000)
        for statement in [
            "INSERT INTO t VALUES (1, 'x', '\(large)', 3)", "UPDATE t SET a = 'y'",
            "ALTER TABLE t ALTER b TYPE jsonb USING b::jsonb", "DELETE FROM t",
        ] { try await cluster.psql(statement) }
        let changes = try await stream.transactions(3).flatMap(\.self)
        guard case .update(let table, .full(let old)?, let new) = changes[1], case .delete(_, .full) = changes[2] else {
            return #expect(Bool(false), "\(changes.map { "\($0)".prefix(100) })")
        }
        #expect(table.schema.columns.map(\.name) == ["id", "a", "b", "c"])
        #expect(values(new) == ["1", "y", "?", "3"] && values(old) == ["1", "x", large, "3"])
        await stream.close()
    }

    /// Names may change between a line and the question about its row.
    @Test func numbersOfColumnsThatHaveOtherNames() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int PRIMARY KEY, n numeric, f float8, g float4, h float8);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        try await cluster.psql("INSERT INTO t VALUES (1, 1, 1, 1, 1)")
        _ = try await stream.transaction()
        for statement in [
            "INSERT INTO t VALUES (2, 'NaN', 'Infinity', 'NaN', NULL)", "ALTER TABLE t DROP n",
            "ALTER TABLE t RENAME f TO n", "ALTER TABLE t RENAME id TO \"the id\"", "ALTER TABLE t RENAME TO \"T\"",
            "ALTER TABLE \"T\" ALTER h TYPE text",
        ] { try await cluster.psql(statement) }
        let changes = try await stream.transaction()
        #expect(rows(changes) == [["2", nil, "Infinity", "NaN", nil]])
        await stream.close()
    }

    @Test func numbersWithoutAKeyToAskBy() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY, n numeric);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        for statement in ["INSERT INTO t VALUES (1, 'NaN')", "ALTER TABLE t DROP CONSTRAINT t_pkey"] {
            try await cluster.psql(statement)
        }
        let failure = await #expect(throws: Failure.self) { _ = try await stream.transaction() }
        #expect(failure?.kind == .dataGap && failure?.message.contains("public.t") == true)
        await stream.close()
    }

    @Test func aGeneratedColumnThatIsGone() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, a text);")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        try await cluster.psql("INSERT INTO t VALUES (1, DEFAULT, 'x')")
        _ = try await stream.transaction()
        for statement in [
            "INSERT INTO t VALUES (2, DEFAULT, 'y')", "ALTER TABLE t DROP twice, ADD more int",
            "INSERT INTO t VALUES (3, 'z', 4)",
        ] { try await cluster.psql(statement) }
        let changes = try await stream.transactions(2).flatMap(\.self)
        #expect(rows(changes) == [["2", "y"], ["3", "z", "4"]])
        await stream.close()
    }

    @Test func aTableThatIsGone() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x'), (2, 'y');")
        let stream = try await cluster.stream("t", plugin: .wal2json)
        for statement in [
            "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (3, 'z')", "TRUNCATE t", "DROP TABLE t",
        ] { try await cluster.psql(statement) }
        let changes = try await stream.transactions(3).flatMap(\.self)
        guard case .delete(let first, _) = changes[0], case .insert(let second, let row) = changes[1],
            case .truncate(let third) = changes[2]
        else { return #expect(Bool(false), "\(changes.count)") }
        #expect(first.isGone && second.isGone && third.allSatisfy { $0.isGone })
        #expect(first.schema.columns.first?.isIdentity == true && values(row) == ["3", "z"])
        // Nobody knows which of them is the key.
        #expect(second.schema.columns.allSatisfy { $0.isIdentity })
        await stream.close()
    }
}

/// What a wal2json before 2.6 makes impossible.
@Suite("wal2json before 2.6", .onServers) struct Wal2JSONNumbersTests {
    @Test func aNumberInAKeyIsRefusedBeforeAnythingIsCopied() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (a int, n numeric, PRIMARY KEY (a, n));")
        let source = try cluster.source(plugin: .wal2json)
        try await source.ensurePublication(tables: [TableName(schema: "public", name: "t")])
        let failure = await #expect(throws: Failure.self) { _ = try await source.createSlot(timeout: .seconds(60)) }
        #expect(failure?.kind == .configuration && failure?.message.contains("column n of table public.t") == true)
        #expect(failure?.hint?.contains("wal2json 2.6") == true)
        #expect(try await source.slot() == nil)
        let scope = PreflightScope(schemas: ["public"], plugin: "wal2json")
        #expect(try await source.preflight(scope).contains { $0.code == "wal2json_key" })
        // Nor when the key has become one since.
        try await cluster.psql("ALTER TABLE t ALTER n TYPE int")
        let point = try await source.createSlot(timeout: .seconds(60)).consistentPoint
        await (try await source.open(after: point)).close()
        try await cluster.psql("ALTER TABLE t ALTER n TYPE numeric")
        let later = await #expect(throws: Failure.self) { _ = try await source.open(after: point) }
        #expect(later?.kind == .configuration)
        await source.close()
    }

    /// The commit waits for the pipeline to confirm it, and the pipeline for the commit to be visible.
    @Test func aSynchronousStandbyThatAsks() async throws {
        let server = try await PostgresServer.start(directory: SharedServers.directory(uniqueName("sync")))
        do { try await waitForItself(server) } catch {
            try? await server.remove()
            throw error
        }
        try await server.remove()
    }

    private func waitForItself(_ server: PostgresServer) async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY, n numeric);", on: server)
        let stream = try await cluster.stream("t", plugin: .wal2json)
        try await cluster.psql("INSERT INTO t VALUES (1, 1)")
        _ = try await stream.transaction()
        try await stream.stream.sendStatus(received: stream.position, applied: stream.position)
        func synchronous(_ names: String) async throws {
            try await server.configure(["synchronous_standby_names": names])
            try await eventually("the setting is read") {
                try await cluster.psql("SHOW synchronous_standby_names") == names
            }
        }
        let before = stream.position
        try await synchronous("*")
        async let insert = cluster.psql("INSERT INTO t VALUES (2, 'NaN')")
        let failure = await #expect(throws: Failure.self) { _ = try await stream.transaction() }
        #expect(failure?.kind == .configuration)
        #expect(failure?.hint?.contains("\"wherry \(cluster.database)\"") == true)
        let scope = PreflightScope(schemas: ["public"], plugin: "wal2json")
        #expect(try await stream.source.preflight(scope).contains { $0.code == "wal2json_synchronous" })
        // What the hint says.
        try await synchronous("")
        _ = try await insert
        try await stream.reopen(after: before)
        guard case .insert(_, let row)? = try await stream.transaction().first else { throw Late(what: "an insert") }
        #expect(values(row) == ["2", "NaN"])
        await stream.close()
    }
}
