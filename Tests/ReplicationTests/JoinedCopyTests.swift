import Model
import Synchronization
import TestSupport
import Testing

@testable import Replication

/// A program that takes part in another's copy.
struct JoinedCopyTests {
    private static let table = PipelineFixture.table

    private func fixture(_ failing: (@Sendable (CopyRange, Int) -> Failure?)? = nil) -> PipelineFixture {
        let rows = [FakeSnapshot.Place(table: Self.table.schema.name, firstPage: nil): [Cell.row(["1", "n", "d"])]]
        var fixture = PipelineFixture(snapshot: FakeSnapshot(rows, failing: failing))
        fixture.settings.joinWait = .milliseconds(50)
        fixture.settings.version = "1"
        fixture.leave(.backfilling)
        return fixture
    }

    /// As the leader of the stored epoch would publish it.
    private func publish(_ fixture: PipelineFixture, version: String = "1", epoch: Int64 = 4) async throws -> SharedCopy
    {
        let digest = CopyDigest.make(
            of: Self.table.version, Self.table.state, guardField: nil, mapping: CollectionMapping(),
            version: version)
        let copy = SharedCopy(
            pipeline: "p", epoch: epoch, attempt: 1, snapshot: "s", digests: [Route(Self.table.schema.name): digest])
        let range = CopyRange(table: Self.table.version, firstPage: nil, endPage: nil, estimatedRows: 1)
        try await fixture.ranges.publish(copy, [range])
        return copy
    }

    private func join(_ fixture: PipelineFixture) async throws -> JoinedCopy.End {
        let joined = JoinedCopy(
            settings: fixture.settings, ports: fixture.ports, progress: fixture.progress, stop: fixture.stop,
            logger: fixture.logger)
        return try await promptly { try await joined.run() }
    }

    private func refusal(_ fixture: PipelineFixture) async throws -> Failure {
        try #require(await #expect(throws: Failure.self) { _ = try await join(fixture) })
    }

    @Test func itCopiesWhatIsLeft() async throws {
        let fixture = fixture()
        _ = try await publish(fixture)
        let end = try await join(fixture)
        guard case .joined(let tables) = end else {
            Issue.record("it did not join")
            return
        }
        #expect(tables.map(\.copiedRows) == [1] && fixture.ranges.open == 0)
        #expect(fixture.copySinks.flatMap(\.writes).count == 1)
        #expect(fixture.copySinks.allSatisfy { $0.isClosed && $0.epoch == 4 })
        // The pipeline is the leader's.
        #expect(fixture.stored?.epoch == 4 && fixture.stored?.stage == .backfilling)
        #expect(fixture.source.count("acquire") == 0 && fixture.source.count("createSlot") == 0)
    }

    @Test func itWaitsForTheCopyToBegin() async throws {
        var fixture = fixture()
        #expect(try await refusal(fixture).message.hasPrefix("no copy of pipeline p has begun"))
        fixture.settings.joinWait = .seconds(20)
        let waiting = fixture
        async let end = join(waiting)
        #expect(await eventually { waiting.progress.snapshot().waiting != nil })
        // Of a worker that is gone: nobody can import its snapshot.
        _ = try await publish(waiting, epoch: 3)
        let looks = waiting.ranges.count("current")
        #expect(await eventually { waiting.ranges.count("current") >= looks + 2 })
        #expect(waiting.ranges.open == 1)
        _ = try await publish(waiting)
        guard case .joined = try await end else {
            Issue.record("it did not join")
            return
        }
    }

    @Test func ofAWholeCopyThereIsNothingToJoin() async throws {
        let fixture = fixture()
        fixture.leave(.streaming)
        #expect(try await join(fixture) == .alreadyWhole(since: SourceTime(microseconds: 0)))
        fixture.store.change { store in
            store.tables["p"] = store.tables["p"]?.map { table in
                var table = table
                table.backfill = BackfillState(
                    route: table.route, ranges: [], startedAt: SourceTime(microseconds: 0), floor: 3)
                return table
            }
        }
        let failure = try await refusal(fixture)
        #expect(failure.kind == .copyInterrupted && failure.message.contains("filled beside its stream"))
    }

    @Test func whoWouldMakeOtherDocumentsIsRefused() async throws {
        let fixture = fixture()
        _ = try await publish(fixture, version: "2")
        let failure = try await refusal(fixture)
        #expect(failure.kind == .configuration && failure.message.contains("other documents from here: table public.t"))
        #expect(fixture.ranges.open == 1 && fixture.ranges.claimed == 0)
    }

    @Test func aSnapshotThatIsGoneGivesTheRangeBack() async throws {
        let fixture = fixture { _, _ in Failure(.copyInterrupted, "the snapshot is gone") }
        _ = try await publish(fixture)
        let failure = try await refusal(fixture)
        #expect(failure.kind == .copyInterrupted && failure.message == "the snapshot is gone")
        #expect(fixture.ranges.open == 1 && fixture.ranges.claimed == 0)
    }

    /// What the joiner does when the copy is over in the meantime.
    @Test(arguments: [CopyStanding.silent, .ended(isWhole: false), .ended(isWhole: true), .gone])
    func anEndIsToldApart(_ standing: CopyStanding) async throws {
        let ranges = Mutexed<FakeRanges?>(nil)
        let fixture = fixture { _, _ in
            ranges.value?.set(standing)
            return nil
        }
        ranges.value = fixture.ranges
        _ = try await publish(fixture)
        if standing == .ended(isWhole: true) {
            guard case .joined = try await join(fixture) else {
                Issue.record("it did not join")
                return
            }
            return
        }
        let failure = try await refusal(fixture)
        #expect(failure.kind == .copyInterrupted && failure.exitCode == .tryAgain)
        #expect(failure.message.contains(standing == .silent ? "not heard of" : "ended before it was whole"))
    }

    @Test func aDigestTellsWhatMattersApart() {
        func digest(
            _ table: SampleTable, _ state: TableState, _ version: String, guardField: String? = nil,
            nulls: CollectionMapping.NullFields = .null
        ) -> String {
            var mapping = CollectionMapping()
            mapping.nulls = nulls
            return CopyDigest.make(
                of: table.version, state, guardField: guardField, mapping: mapping, version: version)
        }
        let base = SampleTable()
        let same = digest(base, base.state, "1")
        #expect(same == digest(SampleTable(), SampleTable().state, "1"))
        let otherColumns = SampleTable(columns: ["id", "name", "docs"])
        let otherKey = SampleTable(key: ["name"])
        let otherTable = SampleTable(oid: 2)
        let others = [
            digest(base, base.state, "2"), digest(otherColumns, otherColumns.state, "1"),
            digest(otherKey, otherKey.state, "1"), digest(otherTable, otherTable.state, "1"),
            digest(base, base.state, "1", guardField: "changed"), digest(base, base.state, "1", nulls: .omit),
        ]
        #expect(Set(others + [same]).count == 7)
    }
}

private final class Mutexed<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
