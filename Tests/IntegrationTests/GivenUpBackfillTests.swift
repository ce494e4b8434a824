import BSON
import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// A row that MongoDB refuses ends the backfill that was asked for, and nothing else.
@Suite(.onServers) struct GivenUpBackfillTests {
    private let small = BatchSizes(chunkRows: 50)

    private func copied(_ prefix: String) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        try await fixture.sql(
            """
            CREATE TABLE public.docs (id integer PRIMARY KEY, body text);
            INSERT INTO public.docs SELECT g, 'n' || g FROM generate_series(1, 3000) g;
            CREATE TABLE public.others (id integer PRIMARY KEY, note text);
            INSERT INTO public.others SELECT g, 'n' || g FROM generate_series(1, 3000) g;
            """)
        try await fixture.catchUp()
        return fixture
    }

    /// Damages the document of a row, and lets the collection refuse the row: a write that changes nothing is not
    /// looked at.
    private func refuse(_ body: String, in fixture: PipelineFixture) async throws {
        try await fixture.inspector.command([
            "update": "docs", "updates": [["q": ["body": .string(body)], "u": ["$set": ["body": "damaged"]]]],
        ])
        let rule: BSONDocument = ["body": ["$ne": .string(body)]]
        try await fixture.inspector.command(["collMod": "docs", "validator": .document(rule)])
    }

    /// `wherry backfill public.TABLE --wait`, as soon as it has asked.
    private func ask(_ fixture: PipelineFixture, _ table: String, _ arguments: [String] = []) async throws
        -> WherryProcess
    {
        let asking = try fixture.command(
            ["backfill", "public.\(table)", "--wait"] + arguments + fixture.connectionWords)
        try await fixture.waitUntil("it is asked for", asking) {
            let begun = try await fixture.backfillState(table)
            let wanted = try await fixture.tableState(table)?["wanted"]
            return begun != nil || wanted != nil
        }
        return asking
    }

    /// A row that is to be read again, outside of what the chunks read and inside.
    @Test(arguments: ["id > 100", "true"]) func aRowReadAgain(_ condition: String) async throws {
        let fixture = try await copied("againasked")
        try await refuse("n33", in: fixture)
        let asking = try await ask(fixture, "docs", ["--where", condition])
        try await fixture.haveReadAgain(1...80, in: "docs")
        let wherry = try fixture.wherry(limits: small)
        try await fixture.refusal(of: asking, 65, "table public.docs was given up", "validator")
        try await wherry.waitForLine("it is ended") { $0.message == "backfill cancelled" }
        #expect(try await fixture.rowsToReadAgain() == 0)
        #expect(try await fixture.backfillState("docs") == nil)
        try await fixture.sql("UPDATE public.others SET note = 'streamed' WHERE id = 1")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.inspector.document("docs", 33)?["body"] == "damaged")
        #expect(try await fixture.compare(excluding: ["docs"]) == [])
    }

    /// The other backfill is made, and the same one once the rule is gone.
    @Test func aRowOfAChunk() async throws {
        let fixture = try await copied("chunkasked")
        try await refuse("n1500", in: fixture)
        try await fixture.inspector.command([
            "update": "others", "updates": [["q": [:], "u": ["$set": ["note": "damaged"]], "multi": true]],
        ])
        let wherry = try fixture.wherry(limits: small)
        try await wherry.waitForLine("it streams") { $0["phase"] == "streaming" }
        let (docs, others) = (try await ask(fixture, "docs"), try await ask(fixture, "others"))
        let refusal = try await fixture.refusal(
            of: docs, 65, "public.docs was given up", "read by its key (id)", "validator")
        #expect(refusal.hint.contains("ask again") && refusal.hint.contains("the stream goes on"))
        #expect(try await others.end().code == 0, "\(others.tail)")
        try await wherry.waitForLine("it is ended") { $0.message == "backfill cancelled" }
        try await fixture.sql("UPDATE public.others SET note = 'streamed' WHERE id = 1")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare(excluding: ["docs"]) == [])
        try await fixture.inspector.command(["collMod": "docs", "validator": [:]])
        try await fixture.backfill("docs", "--wait")
        #expect(try await fixture.tableState("docs")?["refusal"] == nil)
        #expect(try await fixture.compare() == [])
        #expect(try await wherry.terminate().code == 0)
    }

    /// They may be rows of the first backfill, which would end with the one that is asked for.
    @Test func rowsThatAreStillToBeReadAgain() async throws {
        let fixture = try await copied("stillagain")
        try await fixture.haveReadAgain(1...3, in: "docs")
        _ = try await fixture.backfillRefused("docs", code: 75, ["3 rows have to be read again"])
        try await fixture.catchUp()
        try await fixture.backfill("docs")
        try await fixture.expectEqual()
    }
}
