import Model
import Postgres
import TestSupport
import Testing

/// What the catalogue says of indexes.
@Suite(.onServers) struct CatalogIndexTests {
    private static let tables = """
        CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE t (
            id int PRIMARY KEY, a int, "B b" text, c text COLLATE folded, d text[], during int4range,
            UNIQUE NULLS NOT DISTINCT (a), EXCLUDE USING gist (during WITH &&));
        CREATE UNIQUE INDEX one ON t ("B b" DESC NULLS LAST, a) INCLUDE (d) WHERE a > 5 AND "B b" IS NOT NULL;
        CREATE INDEX two ON t (c);
        CREATE INDEX three ON t (lower("B b"), a);
        CREATE INDEX four ON t USING gin (d);
        CREATE TABLE p (id int, k int, PRIMARY KEY (id, k)) PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
        CREATE INDEX five ON p (k);
        """

    @Test func whatThereIs() async throws {
        let cluster = try await TestCluster.make(Self.tables)
        let source = try cluster.source()
        let oids = Dictionary(
            uniqueKeysWithValues: try await source.tables(schemas: ["public"]).map { ($0.name.name, $0.schema.oid) })
        let all = try await source.indexes()
        await source.close()
        let found = all[oids["t"] ?? 0] ?? []
        #expect(found.map(\.name) == ["four", "one", "t_a_key", "three", "two"])
        let indexes = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0) })
        #expect(
            indexes["one"]
                == CatalogIndex(
                    name: "one", isUnique: true, predicate: "((a > 5) AND (\"B b\" IS NOT NULL))",
                    keys: [
                        .init(column: "B b", definition: "\"B b\"", isDescending: true),
                        .init(column: "a", definition: "a"),
                    ]))
        #expect(indexes["t_a_key"]?.isUnique == true && indexes["t_a_key"]?.nullsAreEqual == true)
        #expect(indexes["two"]?.keys == [.init(column: "c", definition: "c", ignoresDifferences: true)])
        #expect(indexes["three"]?.keys.map(\.column) == [nil, "a"])
        #expect(indexes["three"]?.keys[0].definition == "lower(\"B b\")")
        #expect(indexes["four"]?.method == "gin")
        #expect(all[oids["p"] ?? 0]?.map(\.name) == ["five"])
    }
}
