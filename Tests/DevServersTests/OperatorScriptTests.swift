import DevServers
import Foundation
import TestSupport
import Testing

/// The files of `sql/` do with psql what their comments say, also when run again.
@Suite(.onServers) struct OperatorScriptTests {
    private let sql = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../sql").standardized.path

    private func startShop() async throws -> PostgresServer {
        let server = try await PostgresServer.start(directory: ScratchDirectory.make("postgres"))
        for file in ["10_schema", "20_data", "30_writer"] {
            try await server.psql(file: "\(sql)/demo/\(file).sql")
        }
        return server
    }

    @Test func demoShopHoldsWhatTheReadmeSays() async throws {
        let server = try await startShop()
        let count = try await server.psql(
            """
            select (select count(*) from customers) + (select count(*) from products)
                + (select count(*) from orders) + (select count(*) from order_items)
            """)
        #expect(count == "50000")
        let types = try await server.psql(
            "select count(distinct coalesce(domain_name, udt_name)) from information_schema.columns where table_schema = 'public'"
        )
        #expect(Int(types).map { $0 >= 15 } == true)
        for number in 1...100 {
            try await server.psql("call demo.work(\(number))")
        }
        #expect(try await server.psql("select count(*) from orders where id > 1000000") == "100")
        try await server.remove()
    }

    @Test func roleReadsAndReplicatesAndWritesNothing() async throws {
        let server = try await startShop()
        for _ in 1...2 { try await server.psql(file: "\(sql)/10_role.sql") }
        #expect(try await server.psql("select count(*) from products", user: "wherry") == "1000")
        try await server.psql("create table later (a int primary key)")
        #expect(try await server.psql("select count(*) from later", user: "wherry") == "0")
        try await server.psql("select pg_create_logical_replication_slot('wherry_shop', 'pgoutput')", user: "wherry")
        await #expect(throws: DevServerError.self) {
            try await server.psql("delete from products", user: "wherry")
        }
        let decommission = {
            try await server.psql(
                file: "\(sql)/90_decommission.sql", variables: ["pipeline": "shop", "role": "wherry"])
        }
        // What it owns would be dropped with its rights.
        try await server.psql("create table precious (a int primary key); alter table precious owner to wherry")
        await #expect(throws: DevServerError.self) { try await decommission() }
        #expect(try await server.psql("select count(*) from precious") == "0")
        try await server.psql("alter table precious owner to postgres")
        for _ in 1...2 { _ = try await decommission() }
        #expect(try await server.psql("select count(*) from pg_replication_slots") == "0")
        #expect(try await server.psql("select count(*) from pg_roles where rolname = 'wherry'") == "0")
        try await server.remove()
    }

    @Test func decommissioningRemovesOnlyWhatIsNamed() async throws {
        let server = try await startShop()
        try await server.psql(file: "\(sql)/10_role.sql")
        for name in ["shop", "other"] {
            try await server.psql("select pg_create_logical_replication_slot('wherry_\(name)', 'pgoutput')")
            try await server.psql("create publication wherry_\(name) for table orders")
        }
        let left = "select (select count(*) from pg_replication_slots), (select count(*) from pg_publication)"
        for variables in [[:], ["role": "wherry"]] {
            let shown = try await server.psql(file: "\(sql)/90_decommission.sql", variables: variables)
            #expect(shown.contains("wherry_shop|postgres|f") && shown.contains("Nothing was removed."))
            #expect(try await server.psql(left) == "2|2")
        }
        #expect(try await server.psql("select count(*) from pg_roles where rolname = 'wherry'") == "1")
        try await server.psql(file: "\(sql)/90_decommission.sql", variables: ["pipeline": "shop"])
        #expect(try await server.psql(left) == "1|1")
        try await server.remove()
    }

    @Test func publicationTakesOnlyWhatCanBeReplicated() async throws {
        let server = try await startShop()
        try await server.psql(
            """
            create table keyless (a int);
            create unlogged table unlogged (a int primary key);
            create table partitioned (a int primary key) partition by range (a);
            create table leaf partition of partitioned for values from (0) to (10);
            create table torn (a int primary key) partition by range (a);
            create unlogged table torn_1 partition of torn for values from (0) to (10);
            create table parted (a int primary key) partition by range (a);
            create table mute partition of parted for values from (0) to (10);
            alter table mute replica identity nothing;
            create table parent (a int primary key);
            create table child () inherits (parent);
            create table silent (a int primary key);
            alter table silent replica identity nothing;
            """)
        for _ in 1...2 { try await server.psql(file: "\(sql)/20_publication.sql", variables: ["publication": "p"]) }
        let tables = try await server.psql("select tablename from pg_publication_tables where pubname = 'p' order by 1")
        #expect(tables == "customers\norder_items\norders\npartitioned\nproducts")
        #expect(try await server.psql("select pubviaroot from pg_publication where pubname = 'p'") == "t")
        try await server.psql("update keyless set a = 1")
        try await server.remove()
    }

    @Test func anExistingPublicationGrowsOnlyWhenTold() async throws {
        let server = try await startShop()
        let script = "\(sql)/20_publication.sql"
        let published =
            "select string_agg(tablename, ' ' order by tablename) from pg_publication_tables where pubname = 'p'"

        // A misspelt name leaves nothing behind.
        await #expect(throws: DevServerError.self) {
            try await server.psql(file: script, variables: ["publication": "p", "exclude": "orders,no_such"])
        }
        await #expect(throws: DevServerError.self) {
            try await server.psql(file: script, variables: ["publication": "p", "schema": "pbulic"])
        }
        #expect(try await server.psql("select count(*) from pg_publication") == "0")
        // One without tables is as good as none.
        try await server.psql("create publication p")

        let exclude = "order_items, public.products"
        try await server.psql(file: script, variables: ["publication": "p", "exclude": exclude])
        #expect(try await server.psql(published) == "customers orders")
        try await server.psql("create table later (a int primary key)")
        let shown = try await server.psql(file: script, variables: ["publication": "p"])
        #expect(shown.contains("public|later"))
        #expect(try await server.psql(published) == "customers orders")
        try await server.psql(file: script, variables: ["publication": "p", "exclude": exclude, "add": "yes"])
        #expect(try await server.psql(published) == "customers later orders")
        try await server.remove()
    }

    @Test func triggerKeepsTheTimeOfTheLastWrite() async throws {
        let server = try await startShop()
        let script = "\(sql)/30_last_modified.sql"
        let columns = "select count(*) from information_schema.columns where column_name = 'updated_at'"
        let listed = try await server.psql(file: script)
        #expect(listed.contains("\npublic.orders|") && listed.contains("Nothing was changed."))
        #expect(try await server.psql("select count(*) from pg_trigger where tgname = 'wherry_touch'") == "0")
        let before = Int(try await server.psql(columns)) ?? 0

        for _ in 1...2 { try await server.psql(file: script, variables: ["table": "public.orders"]) }
        #expect(Int(try await server.psql(columns)) == before + 1)
        #expect(try await server.psql(file: script).contains("\npublic.orders|") == false)
        let answer = try await server.psql(
            """
            create temporary table seen as select clock_timestamp() as before;
            update orders set note = 'x', updated_at = '2000-01-01' where id = 3;
            select updated_at > before and note = 'x' and total > 0 from orders, seen where id = 3
            """)
        #expect(answer == "t")
        try await server.remove()
    }

    /// Every command is told, whoever runs it, and none fails for it.
    @Test func theAuditTellsOfSchemaChanges() async throws {
        let server = try await PostgresServer.start(directory: ScratchDirectory.make("postgres"))
        let script = "\(sql)/40_ddl_audit.sql"
        for _ in 1...2 { try await server.psql(file: script) }
        try await server.psql("create role app login; create schema own authorization app")
        try await server.psql("create publication p; select pg_create_logical_replication_slot('told', 'pgoutput')")
        try await server.psql(
            """
            create table own.t (id int primary key, n text default 'secret');
            alter table own.t add city text default 'hidden';
            alter table own.t alter n type text using upper(n || 'private');
            alter table own.t drop city;
            create temporary table mine (id int);
            create type own.place as (street text);
            alter type own.place add attribute zip text;
            drop type own.place;
            """, user: "app")
        // Messages in text, which test_decoding would give, need another setting of the server.
        let messages = """
            select encode(data, 'escape') from pg_logical_slot_get_binary_changes('told', null, null,
                'proto_version', '1', 'publication_names', 'p', 'messages', 'true')
            where position('wherry.ddl' in encode(data, 'escape')) > 0
            """
        let told = try await server.psql(messages)
        for word in ["CREATE TABLE", "ALTER TABLE", "ALTER TYPE", "own.t.city", "own.place", "rewritten", "sql_drop"] {
            #expect(told.contains(word), "\(word) is not in \(told)")
        }
        for word in ["secret", "hidden", "private", "mine"] { #expect(!told.contains(word)) }
        // What goes wrong in it is nobody's matter.
        try await server.psql("revoke execute on function pg_logical_emit_message(bool, text, text) from public")
        try await server.psql("alter function wherry_audit.tell() owner to app")
        try await server.psql("alter table own.t add later int", user: "app")
        #expect(try await server.psql(messages) == "")
        try await server.psql(
            "drop event trigger wherry_ddl_end; drop event trigger wherry_ddl_drop; "
                + "drop event trigger wherry_ddl_rewrite; drop schema wherry_audit cascade")
        try await server.remove()
    }

    /// What the guard by last_modified rests on: for one row the moment never goes back.
    @Test(arguments: ["timestamptz", "timestamp"]) func theTimeOfARowNeverGoesBack(type: String) async throws {
        let server = try await PostgresServer.start(directory: ScratchDirectory.make("postgres"))
        try await server.psql("create table t (id int primary key, note text, \"At\" \(type))")
        try await server.psql(
            file: "\(sql)/30_last_modified.sql", variables: ["table": "public.t", "column": "At"])
        let answers = try await server.psql(
            """
            set timezone = 'UTC';
            insert into t values (1), (2), (3), (4);
            alter table t disable trigger wherry_touch;
            update t set "At" = case id when 1 then '2099-01-01' when 2 then null when 3 then 'infinity'
                else '-infinity' end::timestamptz;
            alter table t enable trigger wherry_touch;
            set timezone = 'Asia/Kathmandu';
            update t set note = 'x';
            set timezone = 'America/Lima';
            update t set note = 'y';
            set timezone = 'UTC';
            select id, "At" = timestamp '2099-01-01 00:00:00.000002',
                "At" between clock_timestamp() - interval '1 minute' and clock_timestamp() from t order by id;
            begin;
            create temporary table before as select "At" from t where id = 2;
            update t set note = 'z' where id = 2;
            update t set note = 'zz' where id = 2;
            select t."At" > b."At" from t, before b where id = 2;
            """)
        #expect(answers == "1|t|f\n2|f|t\n3|f|t\n4|f|t\nt")
        try await server.remove()
    }
}
