import DevServers
import Model
import Postgres
import TestSupport
import Testing

@Suite("The source's half of the preflight, on a real server", .onServers)
struct PreflightTests {
    private func findings(_ cluster: TestCluster, user: String? = nil, excluded: Set<TableName> = []) async throws
        -> [Finding]
    {
        let uri = user.map { cluster.server.uri(user: $0, database: cluster.database) }
        let source = try cluster.source(uri: uri)
        let findings = try await source.preflight(PreflightScope(schemas: ["public"], excluded: excluded))
        await source.close()
        return findings
    }

    private func errors(_ findings: [Finding]) -> [String] {
        findings.filter { $0.severity == .error }.map { "\($0.code) \($0.subject)" }.sorted()
    }

    @Test func aDatabaseWithoutFault() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY, note text);")
        let findings = try await findings(cluster)
        #expect(errors(findings) == [])
        #expect(findings.contains { $0.code == "source_version" && $0.severity == .info })
        #expect(findings.contains { $0.code == "max_slot_wal_keep_size" && $0.severity == .warning })
        // Nothing was made.
        let left = try await cluster.psql(
            "SELECT count(*) FROM pg_publication; SELECT count(*) FROM pg_replication_slots WHERE database = current_database();"
        )
        #expect(left == "0\n0")
    }

    @Test func aTableThatIsNamedAndNotThere() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE orders (id int PRIMARY KEY);")
        let source = try cluster.source()
        let names = ["ordrs", "Orders", "customers"].map { TableName(schema: "public", name: $0) }
        let findings = try await source.preflight(PreflightScope(schemas: ["public"], tables: Set(names)))
        await source.close()
        let missing = findings.filter { $0.code == "table_missing" }
        #expect(missing.map(\.subject) == ["public.Orders", "public.customers", "public.ordrs"])
        #expect(
            missing.map { $0.remedy?.hasPrefix("Did you mean public.orders? ") } == [true, false, true])
    }

    @Test func everyTableThatCannotBeCarriedIsNamedAtOnce() async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE TABLE fine (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);
            CREATE TABLE keyless (id int);
            CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
            CREATE TABLE parent (id int PRIMARY KEY);
            CREATE TABLE child () INHERITS (parent);
            CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id);
            CREATE TABLE leaf PARTITION OF whole DEFAULT;
            CREATE TABLE underscore (id int PRIMARY KEY, _id int);
            CREATE TABLE underscore_key (_id int PRIMARY KEY);
            CREATE TABLE nothing (id int PRIMARY KEY);
            ALTER TABLE nothing REPLICA IDENTITY NOTHING;
            CREATE TABLE indexed (id int PRIMARY KEY, code text NOT NULL UNIQUE);
            ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_code_key;
            CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);
            CREATE TABLE excluded (id int);
            CREATE SEQUENCE numbers;
            CREATE VIEW seen AS SELECT 1;
            """)
        let findings = try await findings(cluster, excluded: [TableName(schema: "public", name: "excluded")])
        #expect(
            errors(findings) == [
                "column_named_id public.underscore._id", "deferrable_key public.deferred",
                "inherited_table public.child",
                "inherited_table public.parent",
                "replica_identity public.indexed", "replica_identity public.nothing",
                "table_without_key public.keyless",
                "unlogged_table public.unlogged",
            ])
        #expect(findings.filter { $0.severity != .info }.allSatisfy { $0.remedy != nil })
        #expect(findings.contains { $0.code == "partitioned_table" && $0.severity == .info })
        #expect(findings.contains { $0.code == "generated_columns" && $0.message.contains("twice") })
        let notCarried = findings.filter { $0.code == "not_carried" }.map(\.subject).sorted()
        #expect(notCarried == ["sequences", "views"])
    }

    /// Between the first start and the end of the initial copy the tables are decided, and all of them are needed.
    @Test func anInterruptedCopy() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE kept (id int PRIMARY KEY); CREATE TABLE keyless (id int); CREATE TABLE changed (id int);")
        let source = try cluster.source()
        let begun = Set(["kept", "gone", "changed"].map { TableName(schema: "public", name: $0) })
        let copying = try await source.preflight(
            PreflightScope(schemas: ["public"], pipeline: .begun(tables: begun, streaming: false)))
        #expect(errors(copying) == ["table_gone public.gone", "table_without_key public.changed"])
        #expect(copying.allSatisfy { $0.remedy?.contains("source.exclude") != true })
        // The stream goes on without.
        let streaming = try await source.preflight(
            PreflightScope(schemas: ["public"], pipeline: .begun(tables: begun, streaming: true)))
        #expect(errors(streaming) == [])
        // Nobody knows what the pipeline carries.
        let unknown = try await source.preflight(PreflightScope(schemas: ["public"], pipeline: .unknown))
        #expect(unknown.allSatisfy { $0.subject == "source" })
        await source.close()
    }

    @Test func whatARoleLacks() async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE TABLE readable (id int PRIMARY KEY);
            CREATE TABLE hidden (id int PRIMARY KEY);
            CREATE TABLE guarded (id int PRIMARY KEY);
            ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
            """)
        let role = "weak_\(cluster.database)"
        try await cluster.psql("CREATE ROLE \(role) LOGIN; GRANT SELECT ON readable, guarded TO \(role);")
        let findings = try await findings(cluster, user: role)
        #expect(
            errors(findings) == [
                "publication_missing source", "replication_privilege source", "row_level_security public.guarded",
                "select_privilege public.hidden",
            ])
        #expect(findings.filter { $0.severity == .error }.allSatisfy { $0.kind == .denied })
        let publication = findings.first { $0.code == "publication_missing" }
        #expect(publication?.remedy?.contains("CREATE PUBLICATION") == true)
        let source = try cluster.source(uri: cluster.server.uri(user: role, database: cluster.database))
        let failure = await #expect(throws: Failure.self) {
            try await source.ensurePublication(tables: [TableName(schema: "public", name: "readable")])
        }
        #expect(failure?.kind == .denied)
        #expect(failure?.hint?.contains("CREATE PUBLICATION") == true)
        await source.close()
    }

    @Test func aPublicationIsMadeOnceAndMustFit() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE \"B b\" (id int PRIMARY KEY);")
        let source = try cluster.source()
        let both = ["a", "B b"].map { TableName(schema: "public", name: $0) }
        try await source.ensurePublication(tables: both)
        try await source.ensurePublication(tables: both.reversed())
        #expect(try await findings(cluster).filter { $0.code == "publication" }.isEmpty)
        let failure = await #expect(throws: Failure.self) {
            try await source.ensurePublication(tables: [both[0]])
        }
        #expect(failure?.kind == .configuration)
        #expect(failure?.message.contains("public.B b") == true)
        let statement = try #require(failure?.hint?.split(separator: "run: ").last)
        try await cluster.psql(String(statement))
        try await source.ensurePublication(tables: [both[0]])
        try await cluster.psql("ALTER PUBLICATION wherry_\(cluster.database) SET (publish = 'insert')")
        let narrow = await #expect(throws: Failure.self) { try await source.ensurePublication(tables: [both[0]]) }
        #expect(narrow?.message.contains("update, delete, truncate") == true)
        try await cluster.psql(
            """
            ALTER PUBLICATION wherry_\(cluster.database) SET (publish = 'insert, update, delete, truncate');
            ALTER TABLE a ADD b int;
            ALTER PUBLICATION wherry_\(cluster.database) SET TABLE a (id);
            """)
        let columns = await #expect(throws: Failure.self) { try await source.ensurePublication(tables: [both[0]]) }
        #expect(columns?.message.contains("it lists columns") == true)
        let repair = try #require(columns?.hint?.split(separator: "run: ").last)
        try await cluster.psql(String(repair))
        try await source.ensurePublication(tables: [both[0]])
        // Rows that somebody's filter hides would be missing without a word.
        try await cluster.psql("ALTER PUBLICATION wherry_\(cluster.database) SET TABLE ONLY a WHERE (id > 5)")
        let rows = await #expect(throws: Failure.self) { try await source.ensurePublication(tables: [both[0]]) }
        #expect(rows?.kind == .configuration && rows?.message.contains("it filters rows") == true)
        let hiding = try await findings(cluster, excluded: [both[1]]).filter { $0.code == "publication" }
        #expect(hiding.map(\.severity) == [.error])
        let mend = try #require(rows?.hint?.split(separator: "run: ").last)
        try await cluster.psql(String(mend))
        try await source.ensurePublication(tables: [both[0]])
        try await source.dropPublication()
        try await source.dropPublication()
        #expect(try await cluster.psql("SELECT count(*) FROM pg_publication") == "0")
        await source.close()
    }

    @Test func typesThatMakeTheStreamText() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TABLE t (id int PRIMARY KEY, address inet); CREATE TABLE u (id int PRIMARY KEY);")
        let finding = try #require(try await findings(cluster).first { $0.code == "stream_as_text" })
        #expect(finding.severity == .info)
        #expect(finding.message.contains("public.t.address (inet)"))
    }

    @Test func thingsAreFoundInTheCatalogue() async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE SCHEMA app;
            CREATE TABLE app.t (b int, a int, gone int, c text, PRIMARY KEY (a, b));
            ALTER TABLE app.t DROP gone;
            CREATE TABLE public.other (id int PRIMARY KEY);
            """)
        let source = try cluster.source()
        let tables = try await source.tables(schemas: ["app"])
        #expect(tables.map(\.name.description) == ["app.t"])
        #expect(tables[0].primaryKey == ["a", "b"])
        #expect(tables[0].schema.columns.map(\.name) == ["b", "a", "c"])
        #expect(tables[0].schema.columns.map(\.isIdentity) == [true, true, false])
        #expect(tables[0].refusal == nil)
        await source.close()
    }
}
