import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// Rows that can't be written, in a copy from an exported snapshot: it goes on without them, and they are held back
/// beside its stream (`apply.on_refused: dead_letter`).
@Suite(.onServers) struct CopyRefusalTests {
    private static let rows = 4000

    /// Rows that MongoDB takes for no document, that are too large, and that break a unique index.
    private func makeTables(_ fixture: PipelineFixture) async throws {
        try await fixture.sql(
            #"""
            CREATE TABLE public.docs (id integer PRIMARY KEY, body json, note text);
            INSERT INTO public.docs
            SELECT g, CASE WHEN g % 100 = 7 THEN '["hidden \ud800"]' ELSE '{"n": 1}' END::json, 'n' || g
            FROM generate_series(1, \#(Self.rows)) g;
            UPDATE public.docs SET note = repeat(md5('a'), 557056) WHERE id = 5;
            UPDATE public.docs SET note = 'twice' WHERE id IN (11, 12);
            """#)
        try await fixture.inspector.createUniqueIndex("docs", on: "note")
    }

    private func mend(_ fixture: PipelineFixture) async throws {
        try await fixture.sql(
            "UPDATE public.docs SET body = '{}', note = 'mended ' || id WHERE id % 100 = 7 OR id IN (5, 11, 12)")
    }

    private func configuration(_ fixture: PipelineFixture) throws -> [String] {
        try fixture.configuration("apply: {on_refused: dead_letter, max_batch_operations: 250}")
    }

    /// The keys that are held back, without the one of the two that the unique index has refused.
    private func heldKeys(_ fixture: PipelineFixture) async throws -> Set<Int64> {
        let letters = try await fixture.inspector.documents("dead_letters", on: fixture.stateDatabase)
        let keys = Set(letters.flatMap { $0["keys"]?.asArray ?? [] }.compactMap(\.asInt64))
        #expect(keys.intersection([11, 12]).count == 1)
        return keys.subtracting([11, 12])
    }

    private var refused: Set<Int64> {
        Set((1...Int64(Self.rows)).filter { $0 % 100 == 7 } + [5])
    }

    /// Every row is a document by now.
    private func expectEqual(_ fixture: PipelineFixture) async throws {
        let rows = try await fixture.sql("SELECT id, note FROM public.docs").rows
        let documents = try await fixture.inspector.documents("docs")
        let expected = Dictionary(uniqueKeysWithValues: rows.map { ($0[0] ?? "", $0[1] ?? "") })
        let found = documents.map { ("\($0["_id"]?.asInt64 ?? 0)", $0["note"]?.asString ?? "") }
        #expect(Dictionary(uniqueKeysWithValues: found) == expected)
    }

    private func mendAll(_ fixture: PipelineFixture, _ file: [String]) async throws {
        try await mend(fixture)
        try await fixture.writeWhatIsHeldBack(file)
        try await expectEqual(fixture)
    }

    /// Makes every insert take a second.
    private func hold(_ fixture: PipelineFixture) async throws -> FailPoint {
        try await FailPoint.hold(["insert"], of: fixture.applicationName, for: .seconds(1), using: fixture.inspector)
    }

    private func someRows(of process: WherryProcess) async throws {
        try await process.waitForLine("some rows are copied") { $0.int("rows_copied") ?? 0 > 500 }
    }

    @Test(arguments: OutputPlugin.allCases) func aSnapshotHoldsBackWhatIsRefused(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("copydl", plugin: plugin)
        try await makeTables(fixture)
        let file = try configuration(fixture)
        let seed = try await fixture.snapshot(file + ["--json"])
        #expect(seed.child.exitStatus?.code == 65, "\(seed.tail)")
        #expect(seed.log.contains("held back") && !seed.log.contains("hidden"))
        #expect(try await heldKeys(fixture) == refused)
        #expect(try await fixture.inspector.documents("docs").count == Self.rows - refused.count - 1)
        // What comes later follows its row.
        try await fixture.sql("UPDATE public.docs SET note = 'later ' || id WHERE id IN (107, 108)")
        let run = try await fixture.runToEnd(file + ["--until-caught-up"])
        #expect(run.child.exitStatus?.code == 65, "\(run.tail)")
        #expect(try await fixture.inspector.document("docs", 107) == nil)
        #expect(try await fixture.inspector.document("docs", 108)?["note"]?.asString == "later 108")
        try await mendAll(fixture, file)
    }

    /// Killed and joined, with rows that change while it copies.
    @Test func killedAndJoinedItHoldsBackTheSame() async throws {
        try await PipelineFixture.withOwnServers("copydlkill") { fixture in
            try await makeTables(fixture)
            let file = try configuration(fixture)
            var slow = try await hold(fixture)
            let killed = try fixture.startSnapshot(file)
            try await someRows(of: killed)
            try await killed.kill()
            try await slow.release()
            slow = try await hold(fixture)
            let leader = try fixture.startSnapshot(file)
            try await someRows(of: leader)
            let joiner = try fixture.startSnapshot(file + ["--join"])
            try await joiner.waitForLine("it takes part") { $0.message == "joined the copy" }
            // Rows that are refused leave, come and move while they are copied.
            try await fixture.sql("DELETE FROM public.docs WHERE id IN (7, 107)")
            try await fixture.sql("UPDATE public.docs SET body = '{}' WHERE id = 207")
            try await fixture.sql("UPDATE public.docs SET id = 100307 WHERE id = 307")
            try await fixture.sql(#"UPDATE public.docs SET body = '["\ud800"]' WHERE id = 408"#)
            try await slow.release()
            try await leader.end(within: .seconds(120))
            #expect(leader.child.exitStatus?.code == 65, "\(leader.tail)")
            try await joiner.end(within: .seconds(120))
            #expect(joiner.child.exitStatus?.code == 0, "\(joiner.tail)")
            let run = try await fixture.runToEnd(file + ["--until-caught-up"])
            #expect(run.child.exitStatus?.code == 65, "\(run.tail)")
            let held = try await heldKeys(fixture)
            let changed: Set<Int64> = [7, 107, 207, 307, 408, 100_307]
            #expect(held.subtracting(changed) == refused.subtracting(changed))
            #expect(held.isSuperset(of: [408, 100_307]))
            try await fixture.sql("UPDATE public.docs SET body = '{}' WHERE id IN (408, 100307)")
            try await mendAll(fixture, file)
        }
    }

    /// A copy is not whole before what it has left out is held back.
    @Test func killedBehindTheCopyItIsNotWhole() async throws {
        let fixture = try await PipelineFixture("copydlend")
        try await makeTables(fixture)
        let file = try configuration(fixture)
        let killed = try fixture.startSnapshot(file)
        try await killed.waitForLine("the rows are copied") { $0.message == "initial copy finished" }
        try await killed.kill()
        for _ in 1...2 {
            let seed = try await fixture.snapshot(file)
            #expect(seed.child.exitStatus?.code == 65, "\(seed.tail)")
            #expect(try await heldKeys(fixture) == refused)
        }
        try await mendAll(fixture, file)
    }

    /// There is no stream that could hold them back.
    @Test func withoutASlotTheFirstOneStopsIt() async throws {
        let fixture = try await PipelineFixture("copydlonce")
        try await makeTables(fixture)
        let copy = try await fixture.snapshot(try configuration(fixture) + ["--no-slot"])
        #expect(copy.child.exitStatus?.code == 65, "\(copy.tail)")
        #expect(copy.log.contains("docs") && copy.log.contains("key digest"))
    }
}
