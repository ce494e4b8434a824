import BSON
import DevServers
import TestSupport
import Testing

/// `backfill.mode: none`: only what the stream brings.
@Suite(.onServers) struct BackfillNoneTests {
    private let none = BatchSizes(backfill: "none")

    private func makeRows(_ fixture: PipelineFixture) async throws {
        try await fixture.sql(
            """
            CREATE TABLE public.docs (id integer PRIMARY KEY, note text, body text);
            ALTER TABLE public.docs ALTER COLUMN body SET STORAGE EXTERNAL;
            INSERT INTO public.docs SELECT g, 'n', repeat(md5(g::text), 200) FROM generate_series(1, 50) g;
            """)
    }

    /// Of a target that somebody else has filled.
    @Test func aFilledTargetIsFollowed() async throws {
        let fixture = try await PipelineFixture("none")
        try await makeRows(fixture)
        let copy = try await fixture.snapshot(["--no-slot"])
        #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
        try await fixture.catchUp(limits: none, arguments: ["--adopt"])
        try await fixture.sql(
            "UPDATE public.docs SET note = 'changed' WHERE id < 20; DELETE FROM public.docs WHERE id = 7")
        let run = try await fixture.catchUp(limits: none)
        #expect(!run.log.contains("backfill finished"))
        #expect(try await fixture.compare() == [])
    }

    /// A part of a row makes no document; the table can be read after all.
    @Test func partOfARowThatIsNotThere() async throws {
        let fixture = try await PipelineFixture("nonepart")
        try await makeRows(fixture)
        try await fixture.catchUp(limits: none)
        #expect(try await fixture.inspector.count("docs") == 0)
        try await fixture.sql("INSERT INTO public.docs VALUES (51, 'new', 'whole')")
        try await fixture.catchUp(limits: none)
        #expect(try await fixture.inspector.count("docs") == 1)
        try await fixture.sql("UPDATE public.docs SET note = 'in part' WHERE id = 7")
        let run = try await fixture.runToEnd(["--until-caught-up"], limits: none)
        let refusal = try await fixture.refusal(of: run, 65, "missing in collection docs")
        #expect(refusal.hint.contains("backfill.mode: none") && refusal.hint.contains("`wherry backfill`"))
        try await fixture.backfill("docs")
        try await fixture.catchUp(limits: none)
        #expect(try await fixture.compare() == [])
    }
}
