import Model
import TestSupport
import Testing

@testable import Replication

/// A copy whose snapshot is gone while its worker lives: what is taken over, and what is read beside the stream.
struct CopyFallbackTests {
    private static let point = LSN(rawValue: 1000)
    private let tables = [SampleTable("one", oid: 1), SampleTable("two", oid: 2), SampleTable("three", oid: 3)]

    /// Table `one` is copied, `two` fails at once, `three` is empty.
    private func fixture() -> PipelineFixture {
        let rows = [FakeSnapshot.Place(table: tables[0].schema.name, firstPage: nil): [Cell.row(["1", "n", "d"])]]
        let failing = tables[1].schema.name
        let snapshot = FakeSnapshot(rows) { range, _ in
            range.table.schema.name == failing ? Failure(.copyInterrupted, "gone") : nil
        }
        let fixture = PipelineFixture(tables: tables, snapshot: snapshot, copySinks: [FakeCopySink(2)])
        fixture.source.change { source in
            source.ranges = tables.prefix(2).map {
                CopyRange(table: $0.version, firstPage: nil, endPage: nil, estimatedRows: 1)
            }
        }
        return fixture
    }

    /// The first start, whose copy fails; returns what the next one begins with.
    private func interrupt(_ fixture: PipelineFixture) async throws -> (lease: PipelineLease, state: PipelineState) {
        let lease = fixture.lease
        let first = try await lease.take()
        let failure = await #expect(throws: Failure.self) {
            _ = try await InitialCopySetup(pipeline: fixture.pipeline, lease: lease).run(first)
        }
        #expect(failure?.kind == .copyInterrupted)
        return (lease, try await lease.take())
    }

    private func goOn(_ fixture: PipelineFixture, _ lease: PipelineLease, _ state: PipelineState) async throws
        -> PipelineState
    {
        try await InitialCopySetup(pipeline: fixture.pipeline, lease: lease).run(state)
    }

    private func backfills(_ fixture: PipelineFixture) -> [String: BackfillState] {
        let tables = fixture.store.snapshot.tables["p"] ?? []
        return Dictionary(
            uniqueKeysWithValues: tables.compactMap { table in table.backfill.map { (table.collection, $0) } })
    }

    @Test func whatIsLeftIsReadBesideTheStream() async throws {
        let fixture = fixture()
        let (lease, before) = try await interrupt(fixture)
        #expect(before.stage == .backfilling && before.checkpoint == nil)
        let state = try await goOn(fixture, lease, before)
        #expect(state.stage == .streaming && state.checkpoint == Checkpoint(lsn: Self.point))
        #expect(state.copyAttempt == 1 && state == fixture.stored)
        let plans = backfills(fixture)
        #expect(plans.keys.sorted() == ["two"])
        #expect(plans["two"]?.cause == .copyLost && plans["two"]?.floor == 3)
        #expect(fixture.source.count("createSlot") == 1 && fixture.source.count("dropSlot") == 0)
        #expect(fixture.copySinks.flatMap(\.emptied).isEmpty)
        #expect(fixture.copySinks.allSatisfy { $0.isClosed })
        // It is not a copy that was made whole.
        #expect(await lease.whole == nil)
    }

    /// Notes of earlier attempts are used up where the copy is whole: the deletes of those rows may lie before this
    /// slot.
    @Test func notesOfEarlierAttemptsAreSwept() async throws {
        let fixture = fixture()
        fixture.leave(.backfilling, copyAttempt: 4)
        fixture.store.change { store in
            store.tables["p"] = tables.map {
                TableState(
                    table: $0.schema.name, collection: $0.collection, keyColumns: $0.keyColumns,
                    wasEmpty: $0.collection == "one")
            }
        }
        let (lease, before) = try await interrupt(fixture)
        _ = try await goOn(fixture, lease, before)
        #expect(fixture.copySinks.flatMap(\.swept).map(\.collection) == ["three"])
        #expect(fixture.copySinks.flatMap(\.swept).map(\.attempt) == [5])
        #expect(fixture.copySinks.flatMap(\.forgotten) == ["two", "three"])
    }

    /// Rows of an earlier attempt in a collection that isn't whole: most of them are still there, and would be missing
    /// until the backfill came to them.
    @Test func rowsOfAnEarlierAttemptMakeItBeginAgain() async throws {
        let fixture = fixture()
        fixture.leave(.backfilling, copyAttempt: 4)
        fixture.store.change { store in
            store.tables["p"] = tables.map {
                TableState(
                    table: $0.schema.name, collection: $0.collection, keyColumns: $0.keyColumns, wasEmpty: false)
            }
        }
        for sink in fixture.copySinks { sink.stale = ["two"] }
        let (lease, before) = try await interrupt(fixture)
        let interrupted = try #require(await lease.interruptedCopy)
        let fallback = CopyFallback(pipeline: fixture.pipeline, lease: lease)
        #expect(try await fallback.goOn(with: interrupted, of: before) == nil)
        #expect(fixture.copySinks.flatMap(\.swept).isEmpty)
    }

    /// The stage is the last thing written: whatever is cut off before leaves a pipeline that isn't whole.
    @Test(arguments: ["saveBackfills", "save"]) func cutOffItIsNotWhole(_ call: String) async throws {
        let fixture = fixture()
        let (lease, before) = try await interrupt(fixture)
        fixture.store.change { $0.failures[call] = [Failure(.targetInterrupted, "away")] }
        await #expect(throws: Failure.self) { _ = try await goOn(fixture, lease, before) }
        #expect(fixture.stored?.stage == .backfilling && fixture.stored?.checkpoint == nil)
        // The same worker goes on, with the same slot.
        #expect(try await goOn(fixture, lease, before).stage == .streaming)
        #expect(fixture.source.count("createSlot") == 1)
    }

    /// A worker that was killed has left nothing but the stage: its successor begins again from nothing.
    @Test func aSuccessorBeginsAgain() async throws {
        let fixture = fixture()
        let (_, before) = try await interrupt(fixture)
        let lease = fixture.lease
        let state = try await lease.take()
        #expect(state.epoch == before.epoch + 1)
        await #expect(throws: Failure.self) { _ = try await goOn(fixture, lease, state) }
        #expect(fixture.source.count("createSlot") == 2 && fixture.source.count("dropSlot") == 1)
        #expect(fixture.copySinks.flatMap(\.emptied) == ["one", "two", "three"])
    }

    enum Obstacle: CaseIterable { case version, goneSlot, lostSlot, slotAhead, noSlot }

    @Test(arguments: Obstacle.allCases) func whereItCannotItBeginsAgain(_ obstacle: Obstacle) async throws {
        var fixture = fixture()
        fixture.settings.usesSlot = obstacle != .noSlot
        if obstacle == .version { fixture.source.change { $0.identity.serverVersion = 130_010 } }
        let (lease, before) = try await interrupt(fixture)
        switch obstacle {
        case .goneSlot: fixture.source.change { $0.slot = nil }
        case .lostSlot: fixture.source.change { $0.slot = .named("wherry_p", restart: nil) }
        case .slotAhead: fixture.source.change { $0.slot = .named("wherry_p", confirmed: LSN(rawValue: 1001)) }
        case .version, .noSlot: break
        }
        await #expect(throws: Failure.self) { _ = try await goOn(fixture, lease, before) }
        #expect(fixture.source.count(obstacle == .noSlot ? "exportSnapshot" : "createSlot") == 2)
        #expect(fixture.copySinks.flatMap(\.emptied) == ["one", "two", "three"])
        #expect(backfills(fixture).isEmpty)
        #expect(fixture.stored?.copyAttempt == 2 && fixture.stored?.stage != .streaming)
    }
}
