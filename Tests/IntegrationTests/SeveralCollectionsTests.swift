import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// One table in several collections, each with a mapping of its own.
@Suite(.onServers) struct SeveralCollectionsTests {
    private static let table = """
        CREATE TABLE public.sales (id integer PRIMARY KEY, state text, qty integer, big text, price numeric);
        ALTER TABLE public.sales ALTER big SET STORAGE EXTERNAL;
        """

    /// `first..<first + count`
    private static func rows(from first: Int, count: Int) -> String {
        """
        INSERT INTO public.sales SELECT n, (ARRAY['draft', 'open', 'done'])[n % 3 + 1], n % 7,
            CASE WHEN n % 5 > 0 THEN chr(97 + n % 26) || repeat('b', 4000) END, n / 4.0
        FROM generate_series(\(first), \(first + count - 1)) n
        """
    }

    /// A collection of these tests: its part of the file, and what PostgreSQL says that it holds.
    private struct Collection {
        let name: String
        let mapping: String
        let condition: String
        /// By field, as SQL that gives text.
        let fields: [String: String]

        static let all = Collection(
            name: "all_sales", mapping: "{ from: public.sales }", condition: "true",
            fields: ["state": "state", "qty": "qty::text", "big": "big"])
        static let open = Collection(
            name: "open_sales",
            mapping: """
                { from: public.sales, where: "state = 'open' AND (big IS NULL OR left(big, 1) <> 'z')", drop: [big],
                      rename: { qty: amount } }
                """,
            condition: "state = 'open' AND (big IS NULL OR left(big, 1) <> 'z')", fields: ["amount": "qty::text"])
        static let labels = Collection(
            name: "labels",
            mapping: """
                { from: public.sales, id: wrapped, keep: [state], compute: { label: "state || ':' || left(big, 2)" } }
                """,
            condition: "true", fields: ["state": "state", "label": "state || ':' || left(big, 2)"])
    }

    private func file(_ fixture: PipelineFixture, _ collections: [Collection], _ more: String = "") throws -> [String] {
        try fixture.configuration(
            "\(more)\ncollections:\n" + collections.map { "  \($0.name): \($0.mapping)\n" }.joined())
    }

    private func expect(
        _ fixture: PipelineFixture, _ collections: [Collection], location: SourceLocation = #_sourceLocation
    ) async throws {
        for collection in collections {
            let names = collection.fields.keys.sorted()
            let columns = names.compactMap { collection.fields[$0] }.joined(separator: ", ")
            let rows = try await fixture.sql(
                "SELECT id::text, \(columns) FROM public.sales WHERE \(collection.condition)"
            )
            .rows
            let wanted = Set(rows)
            let found = try await fixture.inspector.documents(collection.name).map { document -> [String?] in
                let id = document["_id"]?.asInt64 ?? document["_id"]?.asDocument?["id"]?.asInt64
                return [id.map(String.init)]
                    + names.map { name in document[name]?.asString ?? document[name]?.asInt64.map(String.init) }
            }
            #expect(
                found.count == wanted.count && Set(found) == wanted,
                "\(collection.name): \(Set(found).symmetricDifference(wanted).map { $0[0] ?? "" }.sorted().prefix(5))",
                sourceLocation: location)
        }
    }

    private func change(_ step: Int, _ generator: inout SeededGenerator) -> String {
        let id = Int.random(in: 1...620, using: &generator)
        if step == 60 { return "TRUNCATE public.sales; \(Self.rows(from: 1, count: 300))" }
        return switch Int.random(in: 0..<9, using: &generator) {
        case 0: "UPDATE public.sales SET state = 'draft' WHERE id % 10 = \(id % 10)"
        case 1: "UPDATE public.sales SET state = 'open', qty = \(step) WHERE id % 10 = \(id % 10)"
        case 2: "UPDATE public.sales SET big = 'z' || big WHERE id = \(id)"
        case 3: "UPDATE public.sales SET big = 'y' || repeat('c', 6000) WHERE id % 20 = \(id % 20)"
        case 4: "UPDATE public.sales SET big = NULL, price = 1.5 WHERE id = \(id)"
        case 5: "UPDATE public.sales SET id = \(1000 + step) WHERE id = \(id)"
        case 6: "DELETE FROM public.sales WHERE id = \(id)"
        case 7: Self.rows(from: 2000 + step * 5, count: 5)
        default: "UPDATE public.sales SET price = price + 1 WHERE id % 30 = \(id % 30)"
        }
    }

    @Test(arguments: [
        "backfill: {mode: live, max_chunk_rows: 40}", "backfill: {mode: exported}", "source: {plugin: wal2json}",
    ])
    func everyCollectionIsKeptUnderLoadAndKills(settings: String) async throws {
        let fixture = try await PipelineFixture("several")
        try await fixture.sql(Self.table)
        try await fixture.sql(Self.rows(from: 1, count: 600))
        let collections = [Collection.all, .open, .labels]
        let file = try file(fixture, collections, settings)
        async let load: Void = {
            var generator = SeededGenerator(seed: 15)
            for step in 1...150 { try await fixture.sql(change(step, &generator)) }
        }()
        try await fixture.runAndKill(4, file, seed: 16)
        try await load
        try await fixture.catchUp(arguments: file)
        try await expect(fixture, collections)
    }

    /// Also the one that the table began with; its documents stay.
    @Test func collectionsComeAndGoWithTheFile() async throws {
        let fixture = try await PipelineFixture("severalfile")
        try await fixture.sql(Self.table)
        try await fixture.sql(Self.rows(from: 1, count: 200))
        try await fixture.catchUp(arguments: try file(fixture, [.all]))
        try await fixture.sql("UPDATE public.sales SET state = 'open' WHERE id % 2 = 0")
        let both = try file(fixture, [.all, .open])
        try await fixture.catchUp(arguments: both)
        try await expect(fixture, [.all, .open])
        // The columns of each are looked after.
        let wherry = try fixture.wherry(both)
        try await fixture.waitUntilCaughtUp(wherry)
        try await fixture.sql("ALTER TABLE public.sales ADD later text DEFAULT 'x'")
        try await fixture.sql("UPDATE public.sales SET state = 'open' WHERE id % 3 = 0")
        for name in ["all_sales", "open_sales"] {
            try await fixture.waitUntil("\(name) has the column", wherry) {
                let documents = try await fixture.inspector.documents(name)
                return !documents.isEmpty && documents.allSatisfy { $0["later"] == .string("x") }
            }
        }
        try await fixture.waitUntilCaughtUp(wherry)
        try await expect(fixture, [.all, .open])
        #expect(try await wherry.terminate().code == 0)
        // Both at once would be the table's leaving and another one's coming.
        let other = try file(fixture, [.labels])
        try await fixture.refused(78, "table public.sales goes into collection all_sales", arguments: other)
        let last = try file(fixture, [.open])
        try await fixture.catchUp(arguments: last)
        let left = try await fixture.inspector.count("all_sales")
        try await fixture.sql("DELETE FROM public.sales WHERE id < 50")
        try await fixture.catchUp(arguments: last)
        try await expect(fixture, [.open])
        #expect(try await fixture.inspector.count("all_sales") == left)
        // Its documents are no strangers to an operator who says so.
        try await fixture.inspector.command(["delete": "all_sales", "deletes": [["q": [:], "limit": 0]]])
        try await fixture.catchUp(arguments: both)
        try await expect(fixture, [.all, .open])
    }

    @Test func commandsTellThemApart() async throws {
        let fixture = try await PipelineFixture("severalask")
        try await fixture.sql(Self.table)
        try await fixture.sql(Self.rows(from: 1, count: 60))
        let file = try file(fixture, [.all, .labels])
        try await fixture.catchUp(arguments: file)
        func command(_ words: String...) async throws -> WherryProcess {
            let run = try fixture.command(words + fixture.connectionWords + file)
            try await run.end(within: .seconds(120))
            return run
        }
        for words in [["preview", "public.sales"], ["backfill", "public.sales"]] {
            let unclear = try await command(words[0], words[1])
            #expect(unclear.child.exitStatus?.code == 64, "\(unclear.tail)")
            #expect(unclear.tail.contains("all_sales, labels") && unclear.tail.contains("--into"))
        }
        let shown = try await command("preview", "public.sales", "7", "--into", "labels")
        #expect(shown.output.contains("\"label\"") && !shown.output.contains("\"qty\""), "\(shown.tail)")
        // Of one collection alone.
        for name in ["all_sales", "labels"] {
            try await fixture.inspector.command([
                "update": .string(name), "updates": [["q": [:], "u": ["$set": ["state": "wrong"]], "multi": true]],
            ])
        }
        let wherry = try fixture.wherry(file)
        try await fixture.waitUntilCaughtUp(wherry)
        let asked = try await command("backfill", "public.sales", "--into", "labels", "--wait")
        #expect(asked.child.exitStatus?.code == 0, "\(asked.tail)")
        try await expect(fixture, [.labels])
        #expect(try await fixture.inspector.documents("all_sales", filter: ["state": "wrong"]).count == 60)
        let again = try await command("backfill", "public.sales", "--into", "all_sales", "--wait")
        #expect(again.child.exitStatus?.code == 0, "\(again.tail)")
        try await expect(fixture, [.all, .labels])
        let check = try await command("check")
        #expect(check.child.exitStatus?.code == 0, "\(check.tail)")
        let status = try await command("status", "--json")
        #expect(status.output.contains("\"all_sales\"") && status.output.contains("\"labels\""), "\(status.tail)")
        #expect(try await wherry.terminate().code == 0)
    }

    /// Also into one that holds documents, and of a pipeline whose tables were picked.
    @Test func oneMoreIsAddedByCommand() async throws {
        let fixture = try await PipelineFixture("severaladd")
        try await fixture.sql(Self.table)
        try await fixture.sql(Self.rows(from: 1, count: 100))
        let snapshot = try fixture.command(
            ["snapshot", "--tables", "public.sales"] + fixture.connectionWords + (try file(fixture, [.all])))
        try await snapshot.end(within: .seconds(120))
        #expect(snapshot.child.exitStatus?.code == 0, "\(snapshot.tail)")
        try await fixture.inspector.insert([["_id": "somebody's"]], into: "open_sales")
        let both = try file(fixture, [.all, .open])
        try await fixture.catchUp(arguments: both)
        #expect(try await fixture.inspector.count("open_sales") == 1)
        let refused = try fixture.command(["tables", "add", "public.sales"] + fixture.connectionWords + both)
        try await refused.end()
        #expect(refused.child.exitStatus?.code == 78 && refused.tail.contains("--adopt"), "\(refused.tail)")
        let listed = try fixture.command(["tables", "list"] + fixture.connectionWords + both)
        try await listed.end()
        #expect(listed.output.contains("open_sales") && listed.output.contains("outside"), "\(listed.tail)")
        try await fixture.tables(["add", "public.sales", "--adopt"] + both)
        try await fixture.catchUp(arguments: both)
        try await fixture.inspector.command([
            "delete": "open_sales", "deletes": [["q": ["_id": "somebody's"], "limit": 1]],
        ])
        try await expect(fixture, [.all, .open])
        try await fixture.tables(["remove", "public.sales", "--documents"] + both, expecting: 78)
    }

    /// What one can't write is held there alone.
    @Test func aValueIsHeldBackInOne() async throws {
        let fixture = try await PipelineFixture("severalheld")
        try await fixture.sql(Self.table)
        try await fixture.sql(Self.rows(from: 1, count: 10))
        let exact = Collection(
            name: "exact", mapping: "{ from: public.sales, numeric_overflow: dead_letter }", condition: "id <> 3",
            fields: ["state": "state"])
        let text = Collection(
            name: "texts", mapping: "{ from: public.sales, numeric_overflow: string }", condition: "true",
            fields: ["state": "state"])
        let file = try file(fixture, [exact, text])
        try await fixture.catchUp(arguments: file)
        try await fixture.sql("UPDATE public.sales SET price = repeat('9', 50)::numeric, state = 'x' WHERE id = 3")
        try await fixture.sql("UPDATE public.sales SET state = 'y'")
        let run = try fixture.command(["run", "--until-caught-up"] + fixture.connectionWords + file)
        try await run.end()
        #expect(run.child.exitStatus?.code == 65, "\(run.tail)")
        try await expect(fixture, [text])
        let documents = try await fixture.inspector.documents("exact")
        #expect(documents.count == 10 && documents.filter { $0["state"] == .string("y") }.count == 9)
    }
}
