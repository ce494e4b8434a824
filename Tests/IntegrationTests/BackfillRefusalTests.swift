import BSON
import Foundation
import TestSupport
import Testing

/// `wherry backfill` of what can't be read again: nothing is asked for then.
@Suite(.onServers) struct BackfillRefusalTests {
    @Test func whatIsRefused() async throws {
        let fixture = try await PipelineFixture("refused")
        try await fixture.makeItems()
        _ = try await fixture.backfillRefused("items", code: 78, ["no pipeline \(fixture.name)"])
        try await fixture.catchUp()
        let near = try await fixture.backfillRefused("itms", code: 64, ["has no table public.itms"])
        #expect(near.hint.contains("public.items"))
        let syntax = try await fixture.backfillRefused(
            "items", "--where", "id >", code: 64, ["condition", "syntax error"])
        #expect(syntax.hint.contains("WHERE"))
        _ = try await fixture.backfillRefused("items", "--where", "nothing = 1", code: 64, ["nothing"])
        _ = try await fixture.backfillRefused("items", "--mode", "exported", code: 64, ["--mode exported"])
        for order in ["--pause", "--resume", "--cancel"] {
            _ = try await fixture.backfillRefused("items", order, code: 64, ["no backfill of table public.items"])
        }
        try await fixture.backfill("items")
        _ = try await fixture.backfillRefused("items", code: 75, ["asked for already"])
        _ = try await fixture.backfillRefused("items", "--pause", code: 64, ["has not begun"])
        try await fixture.backfill("items", "--cancel")
        #expect(try await fixture.tableState("items")?["wanted"] == nil)
        try await fixture.expectEqual()
    }

    enum Choice: CaseIterable, Sendable { case excluded, outsideCollections }

    /// Of a table that is there, nobody is told that it isn't, or to take another of nearly its name.
    @Test(arguments: Choice.allCases) func aTableThatIsNotReplicated(_ choice: Choice) async throws {
        let fixture = try await PipelineFixture("notmine")
        try await fixture.makeItems()
        try await fixture.sql(
            """
            CREATE TABLE public.item (id integer PRIMARY KEY); CREATE TABLE public.keyless (id integer);
            CREATE TABLE public.parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);
            CREATE SCHEMA other;
            CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (id);
            CREATE TABLE public.parts_1_a PARTITION OF public.parts_1 FOR VALUES FROM (0) TO (5);
            """)
        let arguments: [String]
        switch choice {
        case .excluded: arguments = ["--exclude", "public.item", "--exclude", "public.keyless"]
        case .outsideCollections:
            let file = "\(fixture.folder)/collections.yaml"
            try Data("collections:\n  items: { from: public.items }\n  parts: { from: public.parts }\n".utf8)
                .write(to: URL(fileURLWithPath: file))
            arguments = ["--config", file]
        }
        try await fixture.catchUp(arguments: arguments)
        for table in ["item", "keyless"] {
            let refusal = try await fixture.backfillRefused(
                table, code: 64, ["table public.\(table) is not replicated by pipeline \(fixture.name)"])
            #expect(refusal.hint.contains("excluded") && refusal.hint.contains("'collections'"))
            #expect(!refusal.hint.contains("Did you mean"))
        }
        for leaf in ["parts_1", "parts_1_a"] {
            let refusal = try await fixture.backfillRefused(
                leaf, code: 64, ["public.\(leaf) is a partition of public.parts, "])
            #expect(refusal.hint.contains("Name public.parts;"))
        }
        #expect(try await fixture.inspector.documents("tables", on: fixture.stateDatabase).count == 2)
        try await fixture.expectEqual(excluding: ["item", "keyless"], arguments: arguments)
    }
}
