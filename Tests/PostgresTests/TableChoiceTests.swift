import Model
import Postgres
import TestSupport
import Testing

/// Which tables a choice by name takes, and what the catalogue says of partitions.
@Suite("Choosing tables", .onServers)
struct TableChoiceTests {
    private static let tables = """
        CREATE SCHEMA other;
        CREATE TABLE plain (id int PRIMARY KEY);
        CREATE TABLE root (id int, k int, PRIMARY KEY (id, k)) PARTITION BY RANGE (id);
        CREATE TABLE branch PARTITION OF root FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (k);
        CREATE TABLE twig PARTITION OF branch FOR VALUES FROM (0) TO (50);
        CREATE TABLE other.leaf PARTITION OF root FOR VALUES FROM (100) TO (200);
        CREATE TABLE other.away (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE here PARTITION OF other.away DEFAULT;
        CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child () INHERITS (parent);
        """

    private func name(_ text: String) -> TableName {
        let words = text.split(separator: ".").map(String.init)
        return words.count == 2 ? TableName(schema: words[0], name: words[1]) : TableName(schema: "public", name: text)
    }

    /// To the server they are others; a text of Swift's that differs only like that is the same.
    @Test func namesThatUnicodeTakesForTheSame() async throws {
        let cluster = try await TestCluster.make(
            """
            CREATE TABLE U&"caf\\00E9" (id int PRIMARY KEY); CREATE TABLE U&"cafe\\0301" (id int PRIMARY KEY);
            CREATE TABLE columns (id int PRIMARY KEY, U&"\\00E9" int, U&"e\\0301" int);
            CREATE TABLE U&"\\00E9" (id int PRIMARY KEY, U&"\\00E9" int);
            """)
        let source = try cluster.source()
        let tables = try await source.tables(schemas: ["public"])
        await source.close()
        let refusals = Dictionary(tables.map { ($0.schema.oid, ($0.name.name, $0.refusal)) }) { $1 }.values
        #expect(refusals.count == 4)
        #expect(refusals.count { $0.0 == "café" && $0.1?.contains("another's") == true } == 2)
        #expect(refusals.first { $0.0 == "columns" }?.1?.contains("two columns") == true)
        #expect(refusals.contains { $0.0 == "é" && $0.1 == nil })
    }

    /// What the server says of a publication that has partitioned tables as one.
    @Test(arguments: [
        "FOR ALL TABLES", "FOR TABLES IN SCHEMA other", "FOR TABLES IN SCHEMA public",
        "FOR TABLES IN SCHEMA public, other",
        "FOR TABLE root, plain", "FOR TABLE root, branch, other.leaf", "FOR TABLE branch, twig", "FOR TABLE twig",
        "FOR TABLE plain (id)", "FOR TABLE plain WHERE (id > 3), TABLES IN SCHEMA other", "FOR TABLE parent", "",
    ])
    func whatAPublicationHas(_ definition: String) async throws {
        let cluster = try await TestCluster.make(Self.tables)
        try await cluster.psql(
            """
            CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
            CREATE PUBLICATION someone FOR ALL TABLES;
            CREATE PUBLICATION wherry_\(cluster.database) \(definition) WITH (publish_via_partition_root = true);
            """)
        let source = try cluster.source()
        let tables = try await source.publishedTables()
        await source.close()
        let said = try await cluster.psql(
            "SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = 'wherry_\(cluster.database)'"
        )
        #expect(tables == Set(said.split(separator: "\n").map { name(String($0)) }))
        #expect(tables.isEmpty == definition.isEmpty)
    }

    @Test func partitionsBelongToTheirRoot() async throws {
        let cluster = try await TestCluster.make(Self.tables)
        let source = try cluster.source()
        let all = try await source.tables(schemas: ["public", "other"])
        await source.close()
        func chosen(_ schemas: [String], excluding: [String] = [], tables: [String]? = nil) -> [String] {
            all.filter {
                $0.isChosen(
                    schemas: schemas, excluded: Set(excluding.map(name)), tables: tables.map { Set($0.map(name)) })
            }.map { $0.name.schema == "public" ? $0.name.name : $0.name.description }
        }
        #expect(chosen(["public", "other"]) == ["other.away", "child", "parent", "plain", "root"])
        // Parts of a root that isn't chosen are refused.
        #expect(chosen(["public"]) == ["child", "here", "parent", "plain", "root"])
        #expect(chosen(["other"]) == ["other.away", "other.leaf"])
        // With their root they are left out.
        let heirs = ["parent", "child"]
        #expect(chosen(["public", "other"], excluding: heirs + ["root", "other.away"]) == ["plain"])
        #expect(chosen(["public", "other"], excluding: heirs + ["root", "twig", "other.away"]) == ["plain"])
        #expect(chosen(["public"], excluding: heirs + ["root", "here"]) == ["plain"])
        // Alone they can't be.
        #expect(chosen(["public"], excluding: heirs + ["twig", "here"]) == ["plain", "root", "twig"])
        #expect(chosen(["public"], tables: ["root", "branch"]) == ["branch", "root"])

        let facts = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
        #expect(facts[name("root")]?.leaves.map(\.name.description).sorted() == ["other.leaf", "public.twig"])
        #expect(facts[name("branch")]?.leaves.isEmpty == true)
        for part in ["branch", "twig", "other.leaf"] {
            #expect(facts[name(part)]?.refusal == "a partition of public.root")
        }
        #expect(facts[name("root")]?.refusal == nil)
        #expect(facts[name("parent")]?.refusal == "part of a table inheritance, above public.child")
        #expect(facts[name("child")]?.refusal == "part of a table inheritance, under public.parent")
    }

    /// What is begun again because a value was of a newer form must not be planned for the older one.
    @Test func aTypeThatWasAlteredIsReadAgain() async throws {
        let cluster = try await TestCluster.make(
            "CREATE TYPE place AS (street text); CREATE TABLE homes (id int PRIMARY KEY, at place)")
        let source = try cluster.source()
        func attributes() async throws -> [String] {
            let table = try await source.tables(schemas: ["public"]).first
            guard case .composite(let attributes) = table?.schema.columns.last?.type.shape else { return [] }
            return attributes.map(\.name)
        }
        #expect(try await attributes() == ["street"])
        try await cluster.psql("ALTER TYPE place ADD ATTRIBUTE city text")
        #expect(try await attributes() == ["street", "city"])
        await source.close()
    }

    /// A published partitioned table is one table, whichever way it is published.
    @Test(arguments: [true, false]) func whatAPublicationHas(_ isViaRoot: Bool) async throws {
        let cluster = try await TestCluster.make(Self.tables)
        try await cluster.psql(
            """
            CREATE PUBLICATION wherry_\(cluster.database) FOR TABLE plain, root
                WITH (publish_via_partition_root = \(isViaRoot));
            """)
        let source = try cluster.source()
        let tables = ["plain", "root"].map(name)
        if isViaRoot {
            try await source.ensurePublication(tables: tables)
        } else {
            let failure = await #expect(throws: Failure.self) { try await source.ensurePublication(tables: tables) }
            #expect(failure?.message.contains("it publishes partitions as tables of their own") == true)
            #expect(failure?.message.contains("lacks") == false && failure?.message.contains("too") == false)
        }
        try await source.requirePublished(tables)
        await source.close()
    }
}
