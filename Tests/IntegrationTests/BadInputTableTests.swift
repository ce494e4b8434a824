import BSON
import DevServers
import Foundation
import TestSupport
import Testing

/// Tables that can't be replicated.
@Suite(.onServers) struct BadInputTableTests {
    /// What is wrong, the words for it, and what mends it (nil: the table is left out).
    struct Flaw: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: String
        let words: String
        var mend: String?
    }

    private static let flaws = [
        Flaw(
            testDescription: "no key", make: "CREATE TABLE public.bad (a integer)", words: "has no primary key",
            mend: "ALTER TABLE public.bad ADD PRIMARY KEY (a)"),
        Flaw(
            testDescription: "unlogged partition",
            make: "CREATE TABLE public.bad (id integer PRIMARY KEY) PARTITION BY RANGE (id); "
                + "CREATE UNLOGGED TABLE public.bad_1 PARTITION OF public.bad FOR VALUES FROM (0) TO (100)",
            words: "an unlogged partition, public.bad_1", mend: "ALTER TABLE public.bad_1 SET LOGGED"),
        Flaw(
            testDescription: "unlogged", make: "CREATE UNLOGGED TABLE public.bad (id integer PRIMARY KEY)",
            words: "an unlogged table", mend: "ALTER TABLE public.bad SET LOGGED"),
        Flaw(
            testDescription: "foreign",
            make: "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; "
                + "CREATE FOREIGN TABLE public.bad (id integer) SERVER s", words: "a foreign table"),
        Flaw(
            testDescription: "inherited",
            make: "CREATE TABLE public.bad (id integer PRIMARY KEY); "
                + "CREATE TABLE public.bad_1 (PRIMARY KEY (id)) INHERITS (public.bad)", words: "inheritance",
            mend: "ALTER TABLE public.bad_1 NO INHERIT public.bad"),
        Flaw(
            testDescription: "column _id", make: "CREATE TABLE public.bad (id integer PRIMARY KEY, _id text)",
            words: "_id", mend: "ALTER TABLE public.bad RENAME _id TO other_id"),
        Flaw(
            testDescription: "deferrable key", make: "CREATE TABLE public.bad (id integer PRIMARY KEY DEFERRABLE)",
            words: "deferrable"),
        Flaw(
            testDescription: "no replica identity",
            make: "CREATE TABLE public.bad (id integer PRIMARY KEY); ALTER TABLE public.bad REPLICA IDENTITY NOTHING",
            words: "REPLICA IDENTITY NOTHING", mend: "ALTER TABLE public.bad REPLICA IDENTITY DEFAULT"),
        Flaw(
            testDescription: "array as key", make: "CREATE TABLE public.bad (id integer[] PRIMARY KEY)",
            words: "can't be an _id", mend: "ALTER TABLE public.bad ALTER id TYPE integer USING 1"),
        Flaw(
            testDescription: "jsonb as key", make: "CREATE TABLE public.bad (id jsonb PRIMARY KEY)",
            words: "can't be an _id", mend: "ALTER TABLE public.bad ALTER id TYPE text"),
    ]

    @Test(arguments: flaws) func aTableThatCannotBeCarried(_ flaw: Flaw) async throws {
        let fixture = try await PipelineFixture("table")
        try await fixture.makeItems()
        try await fixture.sql(flaw.make)
        try await fixture.refused(78, "public.bad", flaw.words)
        try await fixture.expectUntouched()
        if let mend = flaw.mend {
            try await fixture.sql(mend)
            try await fixture.expectEqual()
        } else {
            let left = ["--exclude", "public.bad", "--exclude", "public.bad_1"]
            try await fixture.expectEqual(excluding: ["bad", "bad_1"], arguments: left)
        }
    }

    @Test func noTableAtAll() async throws {
        let fixture = try await PipelineFixture("empty")
        try await fixture.refused(78, "no table")
        try await fixture.expectUntouched()
    }

    @Test(arguments: ["$dollar", "doll$ar", "system.users", ".dotted"])
    func aNameThatNoCollectionMayHave(_ name: String) async throws {
        let fixture = try await PipelineFixture("collection")
        try await fixture.makeItems()
        try await fixture.sql("CREATE TABLE public.\"\(name)\" (\"$id\" integer PRIMARY KEY, \"$v.w\" text)")
        try await fixture.refused(78, "public.\(name) can't become a collection")
        try await fixture.expectUntouched()
        try await fixture.sql(
            "ALTER TABLE public.\"\(name)\" RENAME TO plain; INSERT INTO public.plain VALUES (1, 'a'), (2, 'b')")
        try await fixture.expectEqual()
        try await fixture.sql("UPDATE public.plain SET \"$v.w\" = 'c' WHERE \"$id\" = 1")
        try await fixture.expectEqual()
    }

    /// A database with everything wrong: one look names it all, table by table, with a remedy each.
    @Test func checkListsEverythingAtOnce() async throws {
        let fixture = try await PipelineFixture("everything")
        let names = ["keyless", "parted", "unlogged", "foreign", "parent", "idcolumn", "late", "mute", "list", "json"]
        for (flaw, name) in zip(Self.flaws, names) {
            try await fixture.sql(flaw.make.replacing("public.bad", with: "public.\(name)"))
        }
        try await fixture.sql(
            """
            CREATE TABLE public.secret (id integer PRIMARY KEY, g integer GENERATED ALWAYS AS (id * 2) STORED);
            CREATE TABLE public.prices (id integer PRIMARY KEY, amount money);
            CREATE SEQUENCE public.numbers; CREATE VIEW public.looks AS SELECT 1 AS one;
            CREATE ROLE \(fixture.name) LOGIN;
            GRANT USAGE ON SCHEMA public TO \(fixture.name);
            GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(fixture.name);
            REVOKE SELECT ON public.secret FROM \(fixture.name);
            """)
        let words = [
            "check", "--source", fixture.postgres.uri(user: fixture.name, database: fixture.name), "--target",
            fixture.targetURI, "--pipeline", fixture.name, "--state-database", fixture.stateDatabase,
        ]
        let check = try fixture.command(words + ["--json"])
        #expect(try await check.end(within: .seconds(120)).code == 77)
        let report = try JSONSerialization.jsonObject(with: Data(check.output.utf8)) as? [String: Any] ?? [:]
        let findings = report["findings"] as? [[String: Any]] ?? []
        func has(_ code: String, _ subject: String) -> Bool {
            findings.contains {
                $0["code"] as? String == code && ($0["subject"] as? String)?.hasPrefix(subject) == true
            }
        }
        let expected = [
            ("table_without_key", "public.keyless"), ("partitioned_table", "public.parted"),
            ("unlogged_table", "public.unlogged"), ("foreign_table", "public.foreign"),
            ("inherited_table", "public.parent"), ("column_named_id", "public.idcolumn"),
            ("deferrable_key", "public.late"), ("replica_identity", "public.mute"), ("key_refused", "public.list"),
            ("key_refused", "public.json"), ("select_privilege", "public.secret"), ("replication_privilege", "source"),
            ("publication_missing", "source"), ("generated_columns", "public.secret"),
            ("type_as_text", "public.prices.amount"), ("not_carried", ""),
        ]
        for (code, subject) in expected { #expect(has(code, subject), "\(code) of \(subject)") }
        for finding in findings where finding["severity"] as? String != "info" {
            #expect((finding["remedy"] as? String)?.isEmpty == false, "\(finding)")
        }
        let text = try fixture.command(words)
        #expect(try await text.end(within: .seconds(120)).code == 77)
        for name in names { #expect(text.output.contains("public.\(name)"), "\(text.output)") }
        #expect(text.output.contains("'wherry run' would refuse to start"))
        let width = text.output.split(separator: "\n").map(\.count).max() ?? 0
        #expect(width < 400, "\(text.output)")
        try await fixture.expectUntouched()
    }

    /// Names that are no plain words, everywhere a name can stand.
    @Test func strangeNames() async throws {
        let fixture = try await PipelineFixture("names")
        let names = [
            #""; drop table x; --"#, "it's", "two words", "dotted.name", "UPPER", "per%cent", "back\\slash",
            String(repeating: "é", count: 31) + "x", "select", "sl/ash",
        ]
        func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }
        for name in names {
            let id = quoted(name)
            try await fixture.sql(
                """
                CREATE TYPE public.\(quoted("t" + name.prefix(30))) AS ENUM ('a', \(literal(name)));
                CREATE TABLE public.\(id) (\(id) integer PRIMARY KEY, \(quoted("v" + name.prefix(30))) text,
                    e public.\(quoted("t" + name.prefix(30))));
                INSERT INTO public.\(id) VALUES (1, \(literal(name)), \(literal(name))), (2, NULL, 'a');
                """)
        }
        try await fixture.sql(
            "CREATE SCHEMA \"Odd \"\"schema\"; CREATE TABLE \"Odd \"\"schema\".\"T.1\" (id int PRIMARY KEY)")
        try await fixture.sql("INSERT INTO \"Odd \"\"schema\".\"T.1\" VALUES (1)")
        let schemas = ["--schema", "public", "--schema", "Odd \"schema"]
        let run = try await fixture.runToEnd(["--until-caught-up"] + schemas, within: .seconds(120))
        #expect(run.child.exitStatus?.code == 0, "\(run.tail)")
        for name in names {
            let id = quoted(name)
            try await fixture.sql(
                "UPDATE public.\(id) SET e = 'a' WHERE \(id) = 1; DELETE FROM public.\(id) WHERE \(id) = 2; "
                    + "INSERT INTO public.\(id) VALUES (3, 'x', 'a'); UPDATE public.\(id) SET \(id) = 4 WHERE \(id) = 3"
            )
        }
        try await fixture.sql("INSERT INTO \"Odd \"\"schema\".\"T.1\" VALUES (2)")
        let more = try await fixture.runToEnd(["--until-caught-up"] + schemas, within: .seconds(120))
        #expect(more.child.exitStatus?.code == 0, "\(more.tail)")
        for name in names {
            let documents = try await fixture.inspector.documents(name)
            #expect(documents.map { $0["_id"] } == [.int32(1), .int32(4)], "\(name)")
            #expect(documents.first?["v" + name.prefix(30)] == .string(name), "\(name)")
            #expect(documents.first?["e"] == .string("a"), "\(name)")
        }
        #expect(try await fixture.inspector.count("Odd \"schema_T.1") == 2)
        try await fixture.drop()
    }

    private func literal(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}
