import BSON
import DevServers
import Foundation
import Model
import TestSupport
import Testing

/// The section `collections` of the file: which tables, and into which collections.
@Suite(.onServers) struct CollectionsTests {
    private func fixture(_ prefix: String) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        try await fixture.sql(
            """
            CREATE TABLE public.orders (id integer PRIMARY KEY, note text, updated_at timestamptz(6), day date);
            INSERT INTO public.orders VALUES (1, 'a', '2024-01-01 00:00:00.000900+00'), (2, 'b', NULL);
            CREATE SCHEMA crm; CREATE TABLE crm.people (id integer PRIMARY KEY, name text);
            INSERT INTO crm.people VALUES (1, 'x');
            CREATE TABLE public.keyless (id integer);
            """)
        return fixture
    }

    private func configure(_ fixture: PipelineFixture, _ collections: String) throws -> [String] {
        let file = "\(fixture.folder)/collections.yaml"
        try Data("collections:\n\(collections)\n".utf8).write(to: URL(fileURLWithPath: file))
        return ["--config", file]
    }

    private let both = "  all: { from: public.orders }\n  crm.contacts: { from: crm.people }"

    @Test func exactlyTheTablesNamedGoWhereTheFileSays() async throws {
        let fixture = try await fixture("coll")
        let file = try configure(fixture, both)
        try await fixture.catchUp(arguments: file)
        try await fixture.sql("INSERT INTO crm.people VALUES (2, 'y'); DELETE FROM public.orders WHERE id = 2")
        try await fixture.catchUp(arguments: file)
        #expect(try await fixture.inspector.documents("all").map { $0["note"] } == ["a"])
        #expect(
            try await fixture.inspector.documents("crm.contacts") == [
                ["_id": 1, "name": "x"], ["_id": 2, "name": "y"],
            ])
        #expect(try await fixture.inspector.count("orders") == 0)

        // It goes on neither without the section nor with one that says something else of a table.
        try await fixture.refused(78, "was started with a section 'collections'")
        for (collections, words) in [
            (
                "  other: { from: public.orders }\n  crm.contacts: { from: crm.people }",
                ["into collection all", "other"]
            ),
            (
                both.replacing("orders }", with: "orders, last_modified: updatd_at }"),
                ["public.orders is updatd_at, a column that the table doesn't have"]
            ),
        ] {
            let arguments = try configure(fixture, collections)
            let refusal = try await fixture.refused(78, arguments: arguments)
            for word in words { #expect(refusal.message.contains(word), "\(refusal.message)") }
            let check = try fixture.command(["check"] + fixture.connectionWords + arguments)
            try await check.end()
            #expect(check.child.exitStatus?.code == 78 && words.allSatisfy { check.output.contains($0) })
        }
    }

    @Test func aSubsetForASnapshotAndTheRunThatGoesOn() async throws {
        let fixture = try await fixture("collsub")
        let file = try configure(fixture, both)
        let stranger = try await fixture.snapshot(file + ["--tables", "public.keyless"])
        try await fixture.refusal(of: stranger, 78, "--tables names public.keyless, which 'collections'")
        let seed = try await fixture.snapshot(file + ["--tables", "crm.people"])
        #expect(seed.child.exitStatus?.code == 0, "\(seed.tail)")
        try await fixture.sql("INSERT INTO crm.people VALUES (2, 'y')")
        try await fixture.catchUp(arguments: file)
        #expect(try await fixture.inspector.count("crm.contacts") == 2)
        #expect(try await fixture.inspector.count("all") == 0)
    }

    @Test func guardsOfNoUseAreRefusedBeforeTheFirstStart() async throws {
        let fixture = try await fixture("collbad")
        for (column, word) in [("id", "its primary key"), ("day", "of type date"), ("updatd_at", "doesn't have")] {
            let arguments = try configure(fixture, "  o: { from: public.orders, last_modified: \(column) }")
            try await fixture.refused(
                78, "last_modified of table public.orders is \(column)", word, arguments: arguments)
            try await fixture.expectUntouched()
        }
        let fine = try configure(fixture, "  o: { from: public.orders, last_modified: updated_at }")
        let check = try fixture.command(["check"] + fixture.connectionWords + fine)
        try await check.end()
        #expect(check.child.exitStatus?.code == 0 && check.output.contains("replaces only a document that has no date"))
    }

    /// Microseconds of the column against milliseconds of the document, on the way of real rows.
    @Test(arguments: ["live", "exported"]) func aTieGoesToTheRow(mode: String) async throws {
        let fixture = try await fixture("colltie")
        let moment: Int64 = 1_704_067_200_000
        let arguments = try configure(
            fixture,
            "  o: { from: public.orders, last_modified: updated_at, dual_write: true }\nbackfill: { mode: \(mode) }")
        try await fixture.sql("INSERT INTO public.orders VALUES (3, 'c', '2024-01-01 00:00:00.000900+00')")
        try await fixture.sql("INSERT INTO public.orders VALUES (4, 'd', 'infinity'), (5, 'e', 'infinity')")
        let newer = [2, 3, 4].map { (id: Int32) -> BSONDocument in
            ["_id": .int32(id), "updated_at": .date(moment + 1)]
        }
        try await fixture.inspector.insert(newer + [["_id": 1, "updated_at": .date(moment)]], into: "o")
        try await fixture.catchUp(arguments: arguments + ["--adopt"])
        try await fixture.sql("UPDATE public.orders SET note = 'changed'")
        try await fixture.catchUp(arguments: arguments + ["--adopt"])
        let found = try await fixture.inspector.documents("o").sorted { $0["_id"]?.asInt ?? 0 < $1["_id"]?.asInt ?? 0 }
        #expect(
            found == [
                ["_id": 1, "note": "changed", "updated_at": .date(moment), "day": .null], newer[0], newer[1], newer[2],
                ["_id": 5, "note": "changed", "updated_at": "infinity", "day": .null],
            ])
    }
}
