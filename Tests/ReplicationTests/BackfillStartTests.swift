import Model
import Testing

@testable import Replication

/// What a start of the stream finds of a backfill.
@Suite struct BackfillStartTests {
    private let fixture = PipelineFixture()

    private func start() async throws -> LiveBackfill? {
        try await BackfillStart(
            settings: fixture.settings, ports: fixture.ports, epoch: 4,
            source: SourceIdentity(systemIdentifier: "7", timeline: 1, database: "shop", serverVersion: 150_020),
            progress: fixture.progress, logger: fixture.logger
        ).beside(fixture.ports.store.tables(of: fixture.settings.pipeline), from: Checkpoint(lsn: .zero))
    }

    /// As a stream leaves it that was lost with its last chunk on the way.
    private func leave(isDone: Bool) {
        var state = PipelineFixture.table.state
        var backfill = BackfillState(
            route: state.route, ranges: [KeyRange()], startedAt: SourceTime(microseconds: 0), floor: 0)
        backfill.segments[0].isDone = isDone
        backfill.rows = 9
        state.backfill = backfill
        fixture.store.change { [state] in $0.tables["p"] = [state] }
        var shown = TableProgress(table: state.table, collection: state.collection, estimatedRows: 10)
        shown.copiedRows = 5
        fixture.progress.update { [shown] in
            $0.phase = .streaming
            $0.tables = [shown]
        }
    }

    @Test func whatWasFinishedUnseenIsShownAsFinished() async throws {
        leave(isDone: true)
        #expect(try await start()?.hasTables == false)
        let shown = fixture.progress.snapshot()
        #expect(!shown.isBackfilling)
        #expect(shown.tables.map(\.copiedRows) == [9])
    }

    @Test func whatIsLeftGoesOn() async throws {
        leave(isDone: false)
        #expect(try await start()?.hasTables == true)
        #expect(fixture.progress.snapshot().isBackfilling)
    }
}
