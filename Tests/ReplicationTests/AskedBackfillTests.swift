import BSON
import Model
import TestSupport
import Testing

@testable import Replication

/// What a start of the stream makes of what is asked for, and what a repaired gap leaves when it is cut off.
struct AskedBackfillTests {
    private static let now = SourceTime(microseconds: 5_000_000)
    private let name = PipelineFixture.table.schema.name

    private func request(_ cause: BackfillState.Cause = .asked, gone: Bool = true) -> BackfillRequest {
        BackfillRequest(
            cause: cause, condition: "id > 3", removesGone: gone, requestedAt: AskedBackfillTests.now, host: "h")
    }

    /// A pipeline that streams, with its one table changed.
    private func fixture(_ change: (inout TableState) -> Void) -> PipelineFixture {
        let fixture = PipelineFixture()
        fixture.leave(.streaming)
        fixture.store.change { change(&$0.tables["p"]![0]) }
        return fixture
    }

    private func settle(_ fixture: PipelineFixture) async throws -> TableState {
        let asked = AskedBackfills(settings: fixture.settings, ports: fixture.ports, logger: fixture.logger)
        let tables = try await asked.settle(try #require(fixture.stored))
        #expect(tables == fixture.store.snapshot.tables["p"])
        return tables[0]
    }

    private func backfill(isCancelled: Bool = false) -> BackfillState {
        var state = BackfillState(
            route: Route(name), ranges: [], startedAt: AskedBackfillTests.now, floor: 2, cause: .asked)
        state.isCancelled = isCancelled
        return state
    }

    @Test func whatIsAskedForBegins() async throws {
        let table = try await settle(fixture { $0.wanted = request() })
        let backfill = try #require(table.backfill)
        #expect(table.wanted == nil && table.isBackfilling)
        #expect(backfill.cause == .asked && backfill.condition == "id > 3" && backfill.sweep == .init())
        // Fresh: whatever is applied by now has a smaller id.
        #expect(backfill.floor == 3)
        let kept = try await settle(fixture { $0.wanted = request(gone: false) })
        #expect(kept.backfill?.sweep == nil && kept.backfill?.isFinished == false)
    }

    @Test func aGapBeginsAnewWhatIsUnderWay() async throws {
        let table = try await settle(
            fixture {
                $0.wanted = request(.gap)
                $0.backfill = backfill(isCancelled: true)
            })
        #expect(table.backfill?.cause == .gap && table.backfill?.isCancelled == false)
    }

    @Test func whatIsCancelledEnds() async throws {
        let table = try await settle(fixture { $0.backfill = backfill(isCancelled: true) })
        #expect(table.backfill == nil && table.refusal == nil)
    }

    /// A condition that has become wrong since it was asked for must not keep the stream from starting.
    @Test(arguments: [Failure.Kind.usage, .configuration])
    func whatCannotBeMadeIsRefused(_ kind: Failure.Kind) async throws {
        let fixture = fixture { $0.wanted = request() }
        fixture.source.change { $0.failures["planSegments"] = [Failure(kind, "no such column")] }
        let table = try await settle(fixture)
        #expect(table.wanted == nil && table.backfill == nil && table.refusal == Failure(kind, "no such column"))
    }

    @Test func anInterruptionIsNoRefusal() async throws {
        let fixture = fixture { $0.wanted = request() }
        fixture.source.change { $0.failures["planSegments"] = [Failure(.sourceInterrupted, "gone")] }
        await #expect(throws: Failure.self) { _ = try await settle(fixture) }
        #expect(fixture.store.snapshot.tables["p"]?[0].wanted == request())
    }

    /// Nothing is asked while the stream runs: it ends and starts again.
    @Test func aRunningStreamStartsAgain() async throws {
        let fixture = PipelineFixture { _ in ScriptedStream(EventScript([PipelineFixture.table])) }
        fixture.leave(.streaming)
        let pipeline = fixture.pipeline
        let run = Task { try await promptly { try await pipeline.run() } }
        #expect(await eventually { fixture.progress.snapshot().phase == .streaming })
        fixture.source.change { $0.failures["planSegments"] = [Failure(.usage, "no")] }
        fixture.store.change { $0.tables["p"]![0].wanted = request() }
        #expect(await eventually { fixture.source.count("open") == 2 })
        #expect(await eventually { fixture.progress.snapshot().phase == .streaming })
        fixture.stop.stop()
        #expect(try await run.value == .stopped)
        #expect(fixture.store.snapshot.tables["p"]?[0].refusal == Failure(.usage, "no"))
        #expect(fixture.progress.snapshot().reconnects == 0)
    }

    // MARK: - Gaps

    private func gap(_ failing: String?, accepted: Bool = true) async throws -> PipelineFixture {
        var fixture = PipelineFixture { _ in ScriptedStream(EventScript([PipelineFixture.table])) }
        fixture.settings.acceptsGap = accepted
        fixture.leave(.streaming)
        fixture.source.change { $0.failures["open"] = [Failure(.dataGap, "the slot is gone")] }
        let stop = Failure(.denied, "cut off")
        if let failing {
            fixture.source.change { $0.failures[failing] = [stop] }
            fixture.store.change { $0.failures[failing] = [stop] }
        }
        let (pipeline, source) = (fixture.pipeline, fixture.source)
        let run = Task { try await promptly { try await pipeline.run() } }
        if failing == nil, accepted {
            #expect(await eventually { source.count("open") == 2 })
            fixture.stop.stop()
            // There is nothing here to read chunks from.
            _ = try? await run.value
        } else {
            let failure = await #expect(throws: Failure.self) { _ = try await run.value }
            #expect(failure?.kind == (accepted ? .denied : .dataGap))
        }
        return fixture
    }

    /// Wherever it is cut off, every table is known to have to be read again before anything else has happened.
    @Test(arguments: ["publication", "dropSlot", "createSlot", "replaceCheckpoint"])
    func aRepairThatIsCutOffIsNoWholePipeline(_ call: String) async throws {
        let fixture = try await gap(call)
        let table = try #require(fixture.store.snapshot.tables["p"]?[0])
        #expect(table.wanted?.cause == .gap && table.wanted?.removesGone == true)
        #expect(fixture.stored?.checkpoint == fixture.sink.checkpoint)
    }

    @Test func aRepairThatIsNotPossibleChangesNothing() async throws {
        let fixture = try await gap("want")
        #expect(fixture.store.snapshot.tables["p"]?[0].wanted == nil)
        #expect(fixture.source.count("dropSlot") == 0 && fixture.source.count("createSlot") == 0)
    }

    @Test func aGapIsNotAcceptedUnasked() async throws {
        let fixture = try await gap(nil, accepted: false)
        #expect(fixture.store.snapshot.tables["p"]?[0].wanted == nil && fixture.source.count("dropSlot") == 0)
    }

    @Test func aRepairedGapIsReadAgain() async throws {
        let fixture = try await gap(nil)
        #expect(fixture.source.count("dropSlot") == 1 && fixture.source.count("createSlot") == 1)
        let table = try #require(fixture.store.snapshot.tables["p"]?[0])
        #expect(table.wanted == nil && table.backfill?.cause == .gap && table.isBackfilling)
    }
}
