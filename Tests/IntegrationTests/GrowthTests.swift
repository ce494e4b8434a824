import BSON
import DevServers
import Model
import TestSupport
import Testing

/// Rows that MongoDB had room for, until a part of them changed; and conditions without a value.
@Suite(.onServers) struct GrowthTests {
    private static let nineMebibytes = "repeat(md5('a'), 294912)"
    /// sha256 of "2".
    private static let second = "(key digest d4735e3a265e16ee)"

    /// Of the second row only the column is sent that makes it too large together with another.
    private func makeLargeRows(_ name: String, by plugin: OutputPlugin) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(name, plugin: plugin)
        try await fixture.sql(
            """
            CREATE TABLE public.large (id integer PRIMARY KEY, n integer, a text, b text);
            ALTER TABLE public.large ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
            INSERT INTO public.large SELECT g, 0, \(Self.nineMebibytes), 'b' FROM generate_series(1, 3) g;
            """)
        try await fixture.catchUp()
        try await fixture.sql("UPDATE public.large SET b = \(Self.nineMebibytes) WHERE id = 2")
        try await fixture.sql("UPDATE public.large SET n = 1")
        return fixture
    }

    @Test(arguments: OutputPlugin.allCases) func aDocumentThatGrowsInPartsIsRefused(by plugin: OutputPlugin)
        async throws
    {
        let fixture = try await makeLargeRows("grows", by: plugin)
        let refusal = try await fixture.refused(65, "large", "16 MiB", Self.second)
        #expect(!refusal.text.contains("0cc175b9"))
        #expect(try await fixture.inspector.document("large", 2)?["n"] == 0)
    }

    @Test(arguments: OutputPlugin.allCases) func aDocumentThatGrowsInPartsIsHeldBack(by plugin: OutputPlugin)
        async throws
    {
        let fixture = try await makeLargeRows("growsheld", by: plugin)
        let lenient = try fixture.configuration("apply: { on_refused: dead_letter }")
        let held = try await fixture.runToEnd(["--until-caught-up"] + lenient)
        #expect(held.child.exitStatus?.code == 65, "\(held.tail)")
        for id in [1, 3] as [BSONValue] { #expect(try await fixture.inspector.document("large", id)?["n"] == 1) }
        #expect(try await fixture.inspector.document("large", 2)?["n"] == 0)
        let letters = try await fixture.inspector.documents("dead_letters", on: fixture.stateDatabase)
        #expect(!letters.isEmpty && letters.allSatisfy { $0["keys"] == [2] })
        try await fixture.sql("UPDATE public.large SET b = 'short' WHERE id = 2")
        try await fixture.writeWhatIsHeldBack(lenient)
        let document = try await fixture.inspector.document("large", 2)
        #expect(document?["n"] == 1 && document?["b"] == "short")
    }

    /// It divides by zero: in the copy, in the backfill, in the stream.
    @Test(arguments: OutputPlugin.allCases) func aConditionWithoutAValue(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("wherezero", plugin: plugin)
        try await fixture.sql(
            """
            CREATE TABLE public.parts (id integer PRIMARY KEY, n integer);
            INSERT INTO public.parts VALUES (1, 5), (2, 0), (3, 100)
            """)
        let mapping = "collections: { parts: { from: public.parts, where: 10 / n >= 1 } }"
        let strict = try fixture.configuration(mapping)
        let lenient = try fixture.configuration("apply: { on_refused: dead_letter }\n\(mapping)")
        let exported = try fixture.configuration("backfill: { mode: exported }\n\(mapping)")
        for words in [strict, exported] {
            let refused = try await fixture.runToEnd(["--until-caught-up"] + words)
            try await fixture.refusal(of: refused, 65, "'where' of table public.parts", Self.second)
            try await fixture.drop()
        }
        let held = try await fixture.runToEnd(["--until-caught-up"] + lenient)
        #expect(held.child.exitStatus?.code == 65, "\(held.tail)")
        #expect(try await ids(fixture) == [1])
        try await fixture.sql("UPDATE public.parts SET n = 3 WHERE id = 2")
        try await fixture.writeWhatIsHeldBack(lenient)
        #expect(try await ids(fixture) == [1, 2])
        try await fixture.sql("UPDATE public.parts SET n = 0 WHERE id = 1; UPDATE public.parts SET n = 4 WHERE id = 3")
        let streamed = try await fixture.runToEnd(["--until-caught-up"] + strict)
        try await fixture.refusal(of: streamed, 65, "'where' of table public.parts", "(key digest 6b86b273ff34fce1)")
        #expect(try await fixture.runToEnd(["--until-caught-up"] + lenient).child.exitStatus?.code == 65)
        #expect(try await ids(fixture) == [1, 2, 3])
        try await fixture.sql("UPDATE public.parts SET n = 99 WHERE id = 1")
        try await fixture.writeWhatIsHeldBack(lenient)
        #expect(try await ids(fixture) == [2, 3])
    }

    private func ids(_ fixture: PipelineFixture) async throws -> [Int64] {
        try await fixture.inspector.documents("parts").compactMap { $0["_id"]?.asInt64 }.sorted()
    }
}
