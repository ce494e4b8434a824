import BSON
import DevServers
import Model
import TestSupport
import Testing

/// `wherry run --accept-gap`: changes that no slot holds any more come with the rows.
@Suite(.onBusyServers) struct AcceptGapTests {
    private let small = BatchSizes(operations: 150, chunkRows: 200)

    /// A pipeline that was whole and has lost its slot, with changes nobody will send.
    private func withoutSlot(_ prefix: String, _ workload: Workload? = nil) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        try await Workload.createTables(fixture, rows: 10_000)
        try await fixture.catchUp()
        try await fixture.sql("SELECT pg_drop_replication_slot($1)", ["wherry_\(fixture.name)"])
        try await fixture.sql(
            """
            UPDATE public.items SET name = 'lost', version = nextval('public.versions') WHERE id % 3 = 0;
            DELETE FROM public.items WHERE id % 5 = 1;
            INSERT INTO public.items (id, version, name)
            SELECT 1000000 + g, nextval('public.versions'), 'new' FROM generate_series(1, 500) g
            """)
        return fixture
    }

    @Test func aLostSlotUnderLoad() async throws {
        let fixture = try await withoutSlot("gap")
        let refusal = try await fixture.refused(76, "doesn't exist any more")
        #expect(refusal.hint.contains("wherry run --accept-gap"))
        let workload = Workload(fixture, seed: 31)
        try await workload.working {
            let wherry = try fixture.wherry(["--accept-gap"], limits: small)
            try await wherry.waitForLine("it accepts") { $0.message.hasPrefix("accepting a data gap") }
            try await wherry.waitForLine("it is whole") { $0.message == "backfill finished" }
            #expect(try await wherry.terminate().code == 0)
        }
        // Without a gap the flag does nothing.
        let again = try await fixture.catchUp(arguments: ["--accept-gap"])
        #expect(!again.log.contains("accepting"))
        #expect(try await fixture.compare() == [])
    }

    @Test func aSlotAheadOfTheCheckpoint() async throws {
        let fixture = try await PipelineFixture("ahead")
        try await fixture.makeItems()
        try await fixture.catchUp()
        try await fixture.sql(
            "UPDATE public.items SET name = 'lost' WHERE id < 5; DELETE FROM public.items WHERE id = 9")
        let end = try await fixture.mark()
        try await fixture.sql(
            "SELECT pg_replication_slot_advance($1, $2::pg_lsn)", ["wherry_\(fixture.name)", end.description])
        try await fixture.refused(76, "is ahead of the checkpoint")
        try await fixture.catchUp(arguments: ["--accept-gap"])
        #expect(try await fixture.compare() == [])
    }

    @Test func aPublicationThatWasDropped() async throws {
        let fixture = try await PipelineFixture("gappub")
        try await fixture.makeItems()
        try await fixture.catchUp()
        try await fixture.sql("DROP PUBLICATION wherry_\(fixture.name)")
        try await fixture.sql("UPDATE public.items SET name = 'unpublished'")
        let refusal = try await fixture.refused(76, "publication wherry_\(fixture.name)")
        #expect(refusal.hint.contains("--accept-gap"))
        try await fixture.catchUp(arguments: ["--accept-gap"])
        #expect(try await fixture.compare() == [])
    }

    enum Moment: CaseIterable, Sendable {
        case accepted, slotMade, begun, reading
    }

    /// Killed anywhere in the repair: no start takes what it left for a whole pipeline.
    @Test(arguments: Moment.allCases) func killedInTheMiddle(_ moment: Moment) async throws {
        let fixture = try await withoutSlot("gapkill")
        let first = try fixture.wherry(
            ["--accept-gap"], limits: BatchSizes(operations: 150, chunkRows: 200, rowsPerSecond: 2000))
        try await first.waitForLine("it accepts") { $0.message.hasPrefix("accepting a data gap") }
        try await fixture.waitUntil("it is \(moment)", first) {
            switch moment {
            case .accepted: true
            case .slotMade: try await fixture.slots() == "1"
            case .begun: try await fixture.backfillState("items") != nil
            case .reading: try await fixture.backfillState("items")?["rows"]?.asInt ?? 0 > 0
            }
        }
        try await first.kill()
        #expect(!first.log.contains("backfill finished"), "too fast to say anything")
        // Without the flag: it either finds the gap still, or makes the pipeline whole.
        let plain = try fixture.wherry(["--until-caught-up"], limits: small)
        try await plain.end()
        let code = plain.child.exitStatus?.code
        #expect(code == 0 || code == 76, "\(plain.tail)")
        if code == 76 { try await fixture.catchUp(limits: small, arguments: ["--accept-gap"]) }
        #expect(try await fixture.compare() == [])
    }
}
