import Model
import Synchronization
import TestSupport
import Testing

@testable import Replication

/// The initial copy alone, with a slot and without.
struct SnapshotPipelineTests {
    static let table = PipelineFixture.table

    private func fixture(usesSlot: Bool, failures: Int = 0) -> PipelineFixture {
        let left = Mutex(failures)
        let rows = [FakeSnapshot.Place(table: Self.table.schema.name, firstPage: nil): [Cell.row(["1", "n", "d"])]]
        let snapshot = FakeSnapshot(rows) { _, _ in
            left.withLock { left in
                left -= 1
                return left >= 0 ? Failure(.copyInterrupted, "gone") : nil
            }
        }
        var fixture = PipelineFixture(snapshot: snapshot)
        fixture.settings.usesSlot = usesSlot
        fixture.settings.endsWithCopy = true
        fixture.source.change {
            $0.ranges = [CopyRange(table: Self.table.version, firstPage: nil, endPage: nil, estimatedRows: 1)]
        }
        return fixture
    }

    private func run(_ fixture: PipelineFixture) async throws -> PipelineEnd {
        let pipeline = fixture.pipeline
        return try await promptly { try await pipeline.run() }
    }

    private func refusal(_ fixture: PipelineFixture) async throws -> Failure {
        try #require(await #expect(throws: Failure.self) { _ = try await run(fixture) })
    }

    private func rows(_ fixture: PipelineFixture) -> Int {
        fixture.copySinks.flatMap(\.writes).map(\.documents.count).reduce(0, +)
    }

    @Test func aSeedEndsWithTheCopyAndKeepsTheSlot() async throws {
        let fixture = fixture(usesSlot: true)
        let end = try await run(fixture)
        #expect(end == .copied(try #require(fixture.stored)))
        #expect(fixture.stored?.stage == .streaming)
        #expect(fixture.stored?.checkpoint == Checkpoint(lsn: LSN(rawValue: 1000)))
        #expect(rows(fixture) == 1 && fixture.source.count("open") == 0 && fixture.source.count("dropSlot") == 0)
        // Once more: there is nothing to do.
        #expect(try await run(fixture) == .copied(try #require(fixture.stored)))
        #expect(rows(fixture) == 1)
    }

    @Test func withoutASlotNothingStays() async throws {
        for failures in [0, 2] {
            let fixture = fixture(usesSlot: false, failures: failures)
            guard case .copied(let state) = try await run(fixture) else {
                Issue.record("it did not end with the copy")
                return
            }
            #expect(state.stage == .copiedOnce && state.checkpoint == nil && state.slot.isEmpty)
            #expect(fixture.stored == nil && fixture.store.snapshot.tables["p"] == nil)
            #expect(fixture.source.count("exportSnapshot") == failures + 1)
            for call in ["createSlot", "publication", "dropSlot", "slot"] { #expect(fixture.source.count(call) == 0) }
            #expect(fixture.copySinks.flatMap(\.emptied).count == failures)
            #expect(rows(fixture) == 1)
        }
    }

    /// What a crash leaves is begun again from nothing, and an adopted collection's notes are used.
    @Test func anInterruptedCopyWithoutASlotBeginsAgain() async throws {
        let fixture = fixture(usesSlot: false)
        fixture.leave(.copyingOnce, copyAttempt: 3) { ($0.slot, $0.publication) = ("", "") }
        _ = try await run(fixture)
        #expect(fixture.copySinks.flatMap(\.emptied) == ["t"] && rows(fixture) == 1 && fixture.stored == nil)
    }

    /// Killed between the last row and the removal of the state.
    @Test func aWholeCopyIsTidiedUp() async throws {
        let fixture = fixture(usesSlot: false)
        fixture.leave(.copiedOnce) { ($0.slot, $0.publication) = ("", "") }
        _ = try await run(fixture)
        #expect(fixture.stored == nil && rows(fixture) == 0 && fixture.copySinks.flatMap(\.emptied).isEmpty)
    }

    @Test func theRemovalWaitsForTheTarget() async throws {
        let fixture = fixture(usesSlot: false)
        fixture.store.change { $0.failures["retire"] = [Failure(.targetInterrupted, "away")] }
        _ = try await run(fixture)
        #expect(fixture.stored == nil && rows(fixture) == 1)
    }

    @Test(arguments: [PipelineState.Stage.copyingOnce, .copiedOnce])
    func aPipelineIsNoCopyAndACopyNoPipeline(_ stage: PipelineState.Stage) async throws {
        let seed = fixture(usesSlot: true)
        seed.leave(stage) { ($0.slot, $0.publication) = ("", "") }
        let first = try await refusal(seed)
        #expect(first.kind == .configuration && first.message.contains("copy without a slot"))
        let once = fixture(usesSlot: false)
        once.leave(.backfilling)
        let second = try await refusal(once)
        #expect(second.kind == .configuration && second.message == "pipeline p exists, and has a slot")
        #expect(rows(seed) + rows(once) == 0 && once.copySinks.flatMap(\.emptied).isEmpty)
    }

    @Test func anotherPipelinesCollectionIsRefused() async throws {
        for (stage, usesSlot) in [(PipelineState.Stage.streaming, false), (.copyingOnce, true), (.copyingOnce, false)] {
            var fixture = fixture(usesSlot: usesSlot)
            fixture.settings.adopt = true
            fixture.leave(stage)
            fixture.store.change { state in
                var other = state.pipelines.removeValue(forKey: "p")
                other?.checkpoint = nil
                let tables = state.tables.removeValue(forKey: "p")
                state.pipelines["other"] = other.map {
                    PipelineState(
                        pipeline: "other", stage: stage, stageSince: $0.stageSince, source: $0.source, slot: $0.slot,
                        publication: $0.publication, targetDatabase: $0.targetDatabase, epoch: 1, sessions: [],
                        checkpoint: nil, copyAttempt: 1, worker: $0.worker)
                }
                state.tables["other"] = tables
            }
            let failure = try await refusal(fixture)
            #expect(failure.kind == .configuration && failure.message.contains("collection t belongs to"))
            #expect(fixture.stored == nil && rows(fixture) == 0)
        }
    }

    @Test func theTablesAreThoseOfTheFirstStart() async throws {
        var fixture = fixture(usesSlot: true)
        fixture.settings.tables = [TableName(schema: "public", name: "else")]
        fixture.leave(.backfilling)
        let other = try await refusal(fixture)
        #expect(other.message.hasPrefix("pipeline p was started with other tables: public.t"))
        fixture.store.change { $0.tables["p"] = [] }
        #expect(try await refusal(fixture).message.contains("has no tables"))
        #expect(fixture.copySinks.flatMap(\.emptied).isEmpty)
    }

    /// Once the state says so the copy is whole, whatever a stop cuts off after that.
    @Test func aStopAfterTheEndIsACopy() async throws {
        let fixture = fixture(usesSlot: false)
        fixture.store.change {
            $0.failures["retire"] = Array(repeating: Failure(.targetInterrupted, "away"), count: 1000)
        }
        async let end = run(fixture)
        #expect(await eventually { fixture.stored?.stage == .copiedOnce })
        fixture.stop.stop()
        guard case .copied = try await end else {
            Issue.record("a whole copy was taken for none")
            return
        }
        #expect(fixture.stored?.stage == .copiedOnce)
    }

    @Test func aStopBeforeTheEndIsNoCopy() async throws {
        let fixture = fixture(usesSlot: false)
        fixture.stop.stop()
        #expect(try await run(fixture) == .stopped)
    }
}
