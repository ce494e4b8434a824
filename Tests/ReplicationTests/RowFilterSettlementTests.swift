import Model
import Testing

@testable import Replication

/// When the publication gets the filter of a table, and when it loses it.
@Suite struct RowFilterSettlementTests {
    private let table = PipelineFixture.table.schema.name

    private func fixture(
        _ condition: String? = "id > 5", _ change: (inout PipelineSettings) -> Void = { _ in },
        table edit: (inout TableState) -> Void = { _ in }
    ) -> PipelineFixture {
        var fixture = PipelineFixture()
        fixture.settings.rowFilters = true
        fixture.settings.mapping.filter = condition
        change(&fixture.settings)
        fixture.leave(.streaming)
        fixture.store.change { state in state.tables["p"] = state.tables["p"]?.map { with($0, edit) } }
        return fixture
    }

    private func with(_ table: TableState, _ edit: (inout TableState) -> Void) -> TableState {
        var table = table
        edit(&table)
        return table
    }

    private func settle(_ fixture: PipelineFixture) async throws {
        try await RowFilterSettlement(settings: fixture.settings, ports: fixture.ports, logger: fixture.logger)
            .settle(try #require(fixture.stored))
    }

    private func stored(_ fixture: PipelineFixture) -> String? { fixture.store.snapshot.tables["p"]?.first?.rowFilter }

    private let text = "(\"id\" > 5)"

    @Test func itIsSetOnceAndKept() async throws {
        let fixture = fixture()
        for _ in 1...2 { try await settle(fixture) }
        #expect(fixture.source.count("setRowFilter") == 1 && stored(fixture) == text)
        #expect(try await fixture.source.rowFilters() == [table: text])
        #expect(fixture.source.accepted == [table: text])
    }

    @Test func onlyWhereItIsAskedForAndHolds() async throws {
        let others: [(inout PipelineSettings) -> Void] = [
            { $0.rowFilters = false }, { $0.plugin = .wal2json }, { $0.mapping.filter = nil },
            { $0.mapping.filter = "name = 'x'" }, { $0.mapping.filter = "10 / id > 1" },
        ]
        for change in others {
            let fixture = fixture("id > 5", change)
            try await settle(fixture)
            #expect(fixture.source.count("setRowFilter") == 0 && stored(fixture) == nil)
        }
        for (version, holds) in [
            (140_018, false), (150_012, false), (150_013, true), (160_008, false), (160_009, true), (170_004, false),
            (170_005, true), (180_000, true),
        ] { #expect(RowFilterSettlement.holds(version) == holds, "\(version)") }
    }

    /// Documents may be there that the condition doesn't take: the server must not leave out what removes them.
    @Test func notWhileOtherDocumentsMayBeThere() async throws {
        func request(_ cause: BackfillState.Cause) -> BackfillRequest {
            BackfillRequest(
                cause: cause, condition: nil, removesGone: false, requestedAt: SourceTime(microseconds: 1), host: "h")
        }
        let edits: [(Bool, (inout TableState) -> Void)] = [
            (true, { $0.wanted = request(.first) }), (false, { $0.wanted = request(.schemaChange) }),
            (false, { $0.wanted = request(.asked) }), (false, { $0.wanted = request(.gap) }),
        ]
        for (isKept, edit) in edits {
            let fixture = fixture { _ in
            } table: { table in
                table.rowFilter = "(\"id\" > 5)"
                edit(&table)
            }
            fixture.source.change { $0.rowFilters = [table: text] }
            try await settle(fixture)
            #expect((stored(fixture) == text) == isKept)
            #expect(try await (fixture.source.rowFilters() == [table: text]) == isKept)
            #expect(fixture.source.accepted == (isKept ? [table: text] : [:]))
        }
    }

    @Test func itGoesWithTheSetting() async throws {
        let fixture = fixture("id > 5") {
            $0.rowFilters = false
        } table: {
            $0.rowFilter = "(\"id\" > 5)"
        }
        fixture.source.change { $0.rowFilters = [table: text] }
        try await settle(fixture)
        #expect(stored(fixture) == nil && fixture.source.count("clearRowFilter") == 1)
    }

    @Test func somebodyElsesIsLeftToBeRefused() async throws {
        let fixture = fixture()
        fixture.source.change { $0.rowFilters = [table: "(id > 7)"] }
        try await settle(fixture)
        #expect(try await fixture.source.rowFilters() == [table: "(id > 7)"])
        #expect(fixture.source.accepted == [:] && stored(fixture) == nil)
    }

    /// Stored before it is there: a worker that dies in between leaves a filter that is not there, which is none.
    @Test func aWorkerThatDiesInBetween() async throws {
        let fixture = fixture()
        fixture.source.change { $0.failures["commitRowFilter"] = [Failure(.sourceInterrupted, "gone")] }
        await #expect(throws: Failure.self) { try await settle(fixture) }
        #expect(stored(fixture) == text)
        try await settle(fixture)
        #expect(try await fixture.source.rowFilters() == [table: text])
    }

    @Test func aServerThatTakesItNot() async throws {
        let fixture = fixture()
        fixture.source.change { $0.filterRefusal = "it is partitioned" }
        try await settle(fixture)
        #expect(stored(fixture) == nil && fixture.source.accepted == [:])
    }
}
