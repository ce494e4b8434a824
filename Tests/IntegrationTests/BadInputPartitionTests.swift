import DevServers
import Foundation
import Postgres
import TestSupport
import Testing

/// Partitioned and inherited tables that can't be carried, and publications that take them apart.
@Suite(.onServers) struct BadInputPartitionTests {
    private static let table = """
        CREATE TABLE public.parts (id integer PRIMARY KEY, note text) PARTITION BY RANGE (id);
        CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES FROM (0) TO (100);
        CREATE TABLE public.parts_2 PARTITION OF public.parts FOR VALUES FROM (100) TO (200);
        INSERT INTO public.parts SELECT g, 'n' || g FROM generate_series(1, 150) g;
        """

    private func check(_ fixture: PipelineFixture, _ arguments: [String] = []) async throws -> WherryProcess {
        let check = try fixture.command(["check"] + fixture.connectionWords + arguments)
        try await check.end(within: .seconds(120))
        return check
    }

    @Test(arguments: [
        ("ALTER TABLE public.parts_2 REPLICA IDENTITY NOTHING", "public.parts_2 has REPLICA IDENTITY NOTHING"),
        (
            "ALTER TABLE public.parts REPLICA IDENTITY FULL",
            "public.parts has REPLICA IDENTITY FULL and its partition public.parts_1 has not"
        ),
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; "
                + "ALTER TABLE public.parts DROP CONSTRAINT parts_pkey; CREATE FOREIGN TABLE public.parts_3 "
                + "PARTITION OF public.parts FOR VALUES FROM (200) TO (300) SERVER s",
            "a partitioned table with a foreign table in it, public.parts_3"
        ),
        (
            "CREATE UNLOGGED TABLE public.parts_3 PARTITION OF public.parts FOR VALUES FROM (200) TO (300)",
            "a partitioned table with an unlogged partition, public.parts_3"
        ),
        ("ALTER TABLE public.parts DROP CONSTRAINT parts_pkey", "public.parts has no primary key"),
    ])
    func aTableThatCannotBeCarried(_ make: String, _ words: String) async throws {
        let fixture = try await PipelineFixture("badparts")
        try await fixture.makeItems()
        try await fixture.sql(Self.table)
        try await fixture.sql(make)
        try await fixture.refused(78, words)
        #expect(try await check(fixture).output.contains(words))
        try await fixture.expectUntouched()
        // Its partitions go with it.
        try await fixture.expectEqual(excluding: ["parts"], arguments: ["--exclude", "public.parts"])
        #expect(try await fixture.inspector.count("parts_1") == 0)
    }

    /// A partition is named its root, however it is asked for; one that is excluded alone is not carried by surprise.
    @Test func aPartitionByItself() async throws {
        let fixture = try await PipelineFixture("apart")
        try await fixture.sql(Self.table)
        try await fixture.sql(
            "CREATE SCHEMA other; CREATE TABLE other.parts_3 PARTITION OF public.parts FOR VALUES FROM (200) TO (300)")
        let words = "is a partition of public.parts"
        for arguments in [["--tables", "public.parts_1"], ["--tables", "public.parts,public.parts_1"]] {
            let copy = try await fixture.snapshot(arguments)
            let refusal = try await fixture.refusal(of: copy, 78, "public.parts_1 \(words)")
            #expect(refusal.hint.contains("name public.parts"))
        }
        try await fixture.refused(78, "public.parts_1 \(words)", arguments: ["--exclude", "public.parts_1"])
        try await fixture.refused(78, "other.parts_3 \(words)", arguments: ["--schema", "other"])
        try await fixture.expectUntouched(collection: "parts")
        let copy = try await fixture.snapshot(["--no-slot", "--tables", "public.parts"])
        #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
        #expect(try await fixture.compare() == [])
    }

    @Test func checkSaysWhatIsNotInTheStream() async throws {
        let fixture = try await PipelineFixture("partinfo")
        try await fixture.sql(Self.table)
        let check = try await check(fixture)
        #expect(check.child.exitStatus?.code == 0, "\(check.tail)")
        #expect(check.output.contains("with its 2 partitions; TRUNCATE, DETACH and DROP of a single partition"))
        #expect(!check.output.contains("public.parts_1"))
    }

    /// A partition without the right to read it can't be read, although its root can.
    @Test func aPartitionThatMayNotBeRead() async throws {
        let fixture = try await PipelineFixture("partgrant")
        try await fixture.sql(Self.table)
        let role = fixture.name
        try await fixture.sql(
            "CREATE ROLE \(role) LOGIN REPLICATION; GRANT USAGE ON SCHEMA public TO \(role); "
                + "GRANT SELECT ON public.parts TO \(role)")
        let source = fixture.postgres.uri(user: role, database: fixture.name)
        let copy = try await fixture.snapshot(["--no-slot", "--source", source])
        let refusal = try await fixture.refusal(of: copy, 77, "may not read public.parts_1, public.parts_2")
        try await fixture.sql(refusal.hint)
        let again = try await fixture.snapshot(["--no-slot", "--source", source])
        #expect(again.child.exitStatus?.code == 0, "\(again.tail)")
        #expect(try await fixture.compare() == [])
    }

    /// A publication of somebody's own that publishes partitions under their own names, before the start and later.
    @Test func aPublicationThatIsNotViaTheRoot() async throws {
        let fixture = try await PipelineFixture("viaroot")
        try await fixture.sql(Self.table)
        try await fixture.sql("CREATE PUBLICATION wherry_\(fixture.name) FOR TABLE public.parts")
        let refusal = try await fixture.refused(78, "it publishes partitions as tables of their own")
        #expect(try refusal.statement.contains("SET (publish_via_partition_root = true)"))
        #expect(try await check(fixture).output.contains("publish_via_partition_root = true"))
        try await fixture.sql(refusal.statement)
        try await fixture.expectEqual()

        try await fixture.sql("ALTER PUBLICATION wherry_\(fixture.name) SET (publish_via_partition_root = false)")
        try await fixture.refused(78, "it publishes partitions as tables of their own")
        try await fixture.sql("UPDATE public.parts SET note = 'lost' WHERE id = 7")
        try await fixture.sql(refusal.statement)
        try await fixture.refused(76, "partition public.parts_1", "under its own name")
        try await fixture.drop()
        try await fixture.expectEqual()
    }

    @Test func inheritanceNamesBoth() async throws {
        let fixture = try await PipelineFixture("heirs")
        try await fixture.makeItems()
        try await fixture.sql(
            "CREATE TABLE public.parent (id integer PRIMARY KEY); "
                + "CREATE TABLE public.child (PRIMARY KEY (id)) INHERITS (public.parent)")
        let words = [
            "public.parent is part of a table inheritance, above public.child",
            "public.child is part of a table inheritance, under public.parent",
        ]
        try await fixture.refused(78, "table inheritance", "public.parent", "public.child")
        let copy = try await fixture.snapshot(["--no-slot"])
        try await fixture.refusal(of: copy, 78, "table inheritance", "public.parent", "public.child")
        let check = try await check(fixture)
        for word in words { #expect(check.output.contains(word), "\(check.output)") }
        #expect(check.child.exitStatus?.code == 78)
        try await fixture.expectUntouched()
        let left = ["--exclude", "public.parent", "--exclude", "public.child"]
        try await fixture.expectEqual(excluding: ["parent", "child"], arguments: left)
    }
}
