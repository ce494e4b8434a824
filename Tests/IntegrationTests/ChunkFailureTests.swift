import BSON
import DevServers
import Postgres
import TestSupport
import Testing

/// What keeps one chunk of a live backfill from being read or written keeps nothing else.
@Suite(.onServers) struct ChunkFailureTests {
    private let live = BatchSizes(backfill: "live", chunkRows: 50)

    private func makeTables(_ fixture: PipelineFixture) async throws {
        try await fixture.sql(
            """
            CREATE TABLE public.docs (id integer PRIMARY KEY, body text, extra json);
            ALTER TABLE public.docs ALTER COLUMN body SET STORAGE EXTERNAL;
            INSERT INTO public.docs SELECT g, 'n' || g FROM generate_series(1, 20000) g;
            CREATE TABLE public.others (id integer PRIMARY KEY, note text);
            INSERT INTO public.others SELECT g, 'n' || g FROM generate_series(1, 3000) g;
            """)
        try await fixture.sql("ANALYZE")
    }

    /// The lock is waited for; the other table and the stream go on, and nothing starts again.
    @Test func aTableThatIsLocked() async throws {
        let fixture = try await PipelineFixture("locked")
        try await makeTables(fixture)
        let wherry = try fixture.wherry(limits: live)
        try await wherry.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
        let other = try await fixture.connect()
        try await other.query("BEGIN")
        try await other.query("LOCK TABLE public.docs IN ACCESS EXCLUSIVE MODE")
        let line = try await wherry.waitForLine("it waits") {
            $0["waiting"]?.contains("locked by another session") == true
        }
        #expect(line["waiting"]?.contains("public.docs") == true)
        try await fixture.sql("UPDATE public.others SET note = 'streamed' WHERE id % 2 = 0")
        try await fixture.waitUntil("the other table is there", wherry) {
            let found = try await fixture.inspector.documents("others", filter: ["note": "streamed"]).count
            let all = try await fixture.inspector.count("others")
            return found == 1500 && all == 3000
        }
        #expect(!wherry.log.contains("backfill finished"))
        try await other.query("ROLLBACK")
        await other.close()
        try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        #expect(wherry.logLines.count { $0.message == "streaming" && $0["from"] != nil } == 1)
        #expect(wherry.logLines.last { $0["phase"] == "streaming" }?["waiting"] == nil)
        #expect(try await fixture.compare() == [])
    }

    /// Of the key 12345.
    private static let digest = "(key digest 5994471abb01112a)"

    @Test(arguments: [
        ("body = repeat(md5('a'), 557056)", "16 MiB", "0cc175b9"),
        (#"extra = '["secret \ud800"]'"#, "column extra (json) of table public.docs", "secret"),
    ])
    func aRowThatCannotBeWritten(_ change: String, _ words: String, _ secret: String) async throws {
        let fixture = try await PipelineFixture("refused")
        try await makeTables(fixture)
        try await fixture.sql("UPDATE public.docs SET \(change) WHERE id = 12345")
        for _ in 1...2 {
            let run = try await fixture.runToEnd(["--until-caught-up"], limits: live)
            let refusal = try await fixture.refusal(
                of: run, 65, "table public.docs, read by its key (id)", words, Self.digest)
            #expect(refusal.hint.contains("goes on at that chunk"))
            // As a word of its own, and not as a count of rows: other numbers may hold these digits.
            let told = refusal.text.split(separator: "\n").filter { !$0.contains("rows_copied") }.joined(
                separator: "\n")
            #expect(!refusal.text.contains(secret) && !told.contains(/\b12345\b/))
            #expect(try await fixture.inspector.count("others") == 3000)
            // All of its segments but what one has left from that chunk on.
            #expect((14_000..<20_000).contains(try await fixture.inspector.count("docs")))
        }
        try await fixture.sql("UPDATE public.docs SET body = 'mended', extra = NULL WHERE id = 12345")
        try await fixture.catchUp(limits: live)
        #expect(try await fixture.compare(excluding: ["docs"]) == [])
        #expect(try await fixture.inspector.count("docs") == 20_000)
    }

    /// The target's own rules are met when the chunk is written.
    @Test func aRowThatTheTargetRefuses() async throws {
        let fixture = try await PipelineFixture("refusing")
        try await makeTables(fixture)
        let rule: BSONDocument = ["body": ["$ne": "forbidden fruit"]]
        try await fixture.inspector.command(["create": "docs", "validator": .document(rule)])
        try await fixture.sql("UPDATE public.docs SET body = 'forbidden fruit' WHERE id = 12345")
        let run = try await fixture.runToEnd(["--until-caught-up"], limits: live)
        let refusal = try await fixture.refusal(
            of: run, 65, "table public.docs, read by its key (id)", "validator", Self.digest)
        #expect(!refusal.text.contains("forbidden fruit"))
        #expect(try await fixture.inspector.count("others") == 3000)
        #expect((14_000..<20_000).contains(try await fixture.inspector.count("docs")))
        try await fixture.inspector.command(["collMod": "docs", "validator": [:]])
        try await fixture.catchUp(limits: live)
        #expect(try await fixture.inspector.count("docs") == 20_000)
        #expect(try await fixture.inspector.document("docs", 12345)?["body"] == "forbidden fruit")
    }

    /// Transactions of more than a minute, or larger than the cache: smaller parts of the chunk are tried, more than
    /// once, and nothing starts again.
    @Test(arguments: [290, 388]) func aChunkTooLargeForATransaction(code: Int32) async throws {
        try await PipelineFixture.withOwnServers("toolargechunk") { fixture in
            try await makeTables(fixture)
            let wherry = try fixture.wherry(limits: live)
            try await wherry.waitForLine("the backfill has begun") { $0.int("rows_copied") ?? 0 > 0 }
            try await FailPoint.fail(
                ["insert"], of: fixture.applicationName, code: code, times: 4, using: fixture.inspector)
            try await wherry.waitForLine("the backfill is finished") { $0.message == "backfill finished" }
            try await fixture.waitUntilCaughtUp(wherry)
            #expect(try await wherry.terminate().code == 0)
            #expect(wherry.logLines.count { $0.message == "streaming" && $0["from"] != nil } == 1)
            #expect(wherry.logLines.last { $0["retries"] != nil }?.int("retries") ?? 0 >= 4)
            #expect(try await fixture.compare() == [])
        }
    }

    /// Some that have to be read again, among others: the target refuses one, another can't be made a document.
    @Test func rowsReadAgainThatCannotBeWritten() async throws {
        let fixture = try await PipelineFixture("refusedagain")
        try await makeTables(fixture)
        let secret = #"'["secret \ud800"]'"#
        try await fixture.sql("UPDATE public.docs SET extra = \(secret) WHERE id = 44")
        let limits = BatchSizes(backfill: "none")
        try await fixture.catchUp(limits: limits)
        try await fixture.haveReadAgain(1...80, in: "docs")
        try await fixture.inspector.command(["collMod": "docs", "validator": ["body": ["$ne": "n33"]]])
        for _ in 1...2 {
            let run = try await fixture.runToEnd(["--until-caught-up"], limits: limits)
            let refusal = try await fixture.refusal(
                of: run, 65, "table public.docs, read by its key (id)", "(and 1 more")
            #expect(!refusal.text.contains("secret"))
            #expect(try await fixture.inspector.count("docs") == 78)
        }
        try await fixture.inspector.command(["collMod": "docs", "validator": [:]])
        let last = try await fixture.runToEnd(["--until-caught-up"], limits: limits)
        _ = try await fixture.refusal(of: last, 65, "column extra (json) of table public.docs")
        #expect(try await fixture.inspector.count("docs") == 79)
    }
}
