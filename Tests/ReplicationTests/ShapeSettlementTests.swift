import Model
import Testing

@testable import Replication

/// What a start decides about tables whose columns or names have changed.
@Suite struct ShapeSettlementTests {
    private let point = LSN(rawValue: 900)

    private func name(_ text: String) -> TableName { TableName(schema: "public", name: text) }

    private func shape(_ oid: UInt32, _ columns: [String]) -> TableShape {
        TableShape(
            oid: oid,
            columns: columns.enumerated().map {
                TableShape.Column(number: $0.offset + 1, name: $0.element, type: "text", modifier: -1)
            })
    }

    private func stored(_ table: String, oid: UInt32 = 1, _ columns: [String]? = ["id", "n"]) -> TableState {
        var state = TableState(table: name(table), collection: table, keyColumns: ["id"], wasEmpty: true)
        state.shape = columns.map { shape(oid, $0) }
        state.coveredTo = LSN(rawValue: columns == nil ? 0 : 5)
        return state
    }

    private func shown(_ table: String, oid: UInt32 = 1, _ columns: [String] = ["id", "n"]) -> CatalogueTable {
        let schema = TableSchema(oid: oid, name: name(table), columns: [], replicaIdentity: .primaryKey)
        return CatalogueTable(
            table: SourceTable(schema: schema, primaryKey: ["id"]), shape: shape(oid, columns), refusal: nil,
            isChosen: true)
    }

    private func settle(
        _ tables: [TableState], _ catalogue: [CatalogueTable], by policy: SchemaChangePolicy = .follow,
        notes: SchemaNotes = SchemaNotes(), version: Int = 150_000,
        _ change: (inout PipelineSettings) -> Void = { _ in }
    ) throws -> ShapeSettlement.Outcome {
        var settings = PipelineFixture().settings
        settings.schemaChanges = policy
        change(&settings)
        return try ShapeSettlement(settings: settings, notes: notes, serverVersion: version)
            .settle(tables, catalogue, at: point, isPicked: false)
    }

    @Test func whatIsAsItWasIsLeftAlone() throws {
        for policy in SchemaChangePolicy.allCases {
            let outcome = try settle([stored("t")], [shown("t")], by: policy)
            #expect(outcome.updates.isEmpty && outcome.held.isEmpty)
        }
        #expect(try settle([stored("t")], []).updates.isEmpty, "a table that is gone")
    }

    @Test func anOlderStateTakesWhatThereIs() throws {
        let updated = try #require(try settle([stored("t", nil)], [shown("t")], by: .fail).updates.first?.table)
        #expect(updated.shape == shape(1, ["id", "n"]) && updated.coveredTo == point && updated.wanted == nil)
    }

    @Test func aChangeIsStoredWithWhatItAsksFor() throws {
        let updated = try #require(try settle([stored("t")], [shown("t", ["id", "n", "x"])]).updates.first?.table)
        #expect(updated.shape?.columns.map(\.name) == ["id", "n", "x"] && updated.coveredTo == point)
        #expect(updated.wanted?.cause == .schemaChange && updated.wanted?.removesGone == false)
        #expect(!updated.isWhole)
        // Never twice.
        #expect(try settle([updated], [shown("t", ["id", "n", "x"])]).updates.isEmpty)
    }

    @Test func whatIsAskedForAlreadyIsNotForgotten() throws {
        let now = SourceTime(microseconds: 1)
        func request(_ cause: BackfillState.Cause, _ condition: String?) -> BackfillRequest {
            BackfillRequest(cause: cause, condition: condition, removesGone: true, requestedAt: now, host: "h")
        }
        for (request, cause, removesGone) in [
            (request(.gap, nil), BackfillState.Cause.gap, true), (request(.asked, nil), .schemaChange, true),
            (request(.asked, "id > 3"), .schemaChange, false),
        ] {
            var table = stored("t")
            table.wanted = request
            let updated = try #require(try settle([table], [shown("t", ["id"])]).updates.first?.table)
            #expect(updated.wanted?.cause == cause && updated.wanted?.removesGone == removesGone)
            #expect(updated.wanted?.condition == nil)
        }
        var table = stored("t")
        table.backfill = BackfillState(
            route: table.route, ranges: [], startedAt: now, floor: 2, cause: .gap, sweep: BackfillState.Sweep())
        let updated = try #require(try settle([table], [shown("t", ["id"])]).updates.first?.table)
        #expect(updated.wanted?.cause == .gap && updated.wanted?.removesGone == true)
    }

    @Test func nothingIsReadBeforeVersion14() throws {
        let outcome = try settle([stored("t")], [shown("t", ["id"])], version: 130_000)
        #expect(outcome.updates.first?.table.wanted == nil && outcome.updates.first?.table.shape == shape(1, ["id"]))
    }

    /// The stream has shown another form, and the catalogue shows the old one again.
    @Test func whatWasChangedBackIsReadAgain() throws {
        let notes = SchemaNotes()
        notes.note(1)
        let updated = try settle([stored("t")], [shown("t")], notes: notes).updates.first?.table
        #expect(updated?.wanted?.cause == .schemaChange && updated?.coveredTo == point)
    }

    @Test func pauseHoldsUntilItIsAccepted() throws {
        var table = stored("t")
        let held = try settle([table], [shown("t", ["id"])], by: .pause)
        #expect(held.updates.isEmpty && held.held == [name("t")])
        for policy in SchemaChangePolicy.allCases {
            table.acceptsChange = true
            let updated = try #require(try settle([table], [shown("t", ["id"])], by: policy).updates.first?.table)
            #expect(updated.wanted?.cause == .schemaChange && !updated.acceptsChange)
        }
    }

    @Test func failSaysWhatHasChanged() {
        let failure = #expect(throws: Failure.self) {
            try settle([stored("t")], [shown("t", ["id", "title"])], by: .fail)
        }
        #expect(failure?.exitCode == .configuration)
        #expect(failure?.message.contains("table public.t has changed") == true)
        #expect(failure?.message.contains("column n is called title") == true)
        #expect(failure?.hint?.contains("--accept-schema-change public.t") == true)
    }

    // MARK: - Names

    @Test func aNewNameIsFollowedWhateverThePolicy() throws {
        for policy in SchemaChangePolicy.allCases {
            let outcome = try settle([stored("t")], [shown("u")], by: policy)
            #expect(
                outcome.updates.map(\.stored) == [Route(name("t"))] && outcome.updates.map(\.table.table) == [name("u")]
            )
            #expect(outcome.updates.first?.table.wanted == nil && outcome.updates.first?.table.collection == "t")
        }
    }

    @Test func namesThatAreSwapped() throws {
        let tables = [stored("a", oid: 1), stored("b", oid: 2)]
        let outcome = try settle(tables, [shown("b", oid: 1), shown("a", oid: 2)])
        #expect(outcome.updates.map(\.table.table) == [name("b"), name("a")])
        #expect(outcome.updates.map(\.table.collection) == ["a", "b"])
    }

    @Test func theNameOfATableThatIsGone() {
        let failure = #expect(throws: Failure.self) {
            try settle([stored("a", oid: 1), stored("b", oid: 2)], [shown("a", oid: 2)])
        }
        #expect(failure?.message == "table public.b is called public.a now, as table public.a was")
    }

    @Test func aTableThatIsMadeAnew() throws {
        let updated = try #require(try settle([stored("t", oid: 1)], [shown("t", oid: 9)]).updates.first?.table)
        #expect(updated.wanted?.cause == .schemaChange && updated.wanted?.removesGone == true)
    }

    @Test func theFileHasToNameItAnew() throws {
        func named(_ table: String) throws -> ShapeSettlement.Outcome {
            try settle([stored("t")], [shown("u")]) {
                $0.collections = [name(table): [CollectionSettings(collection: "t")]]
            }
        }
        let failure = #expect(throws: Failure.self) { try named("t") }
        #expect(failure?.message == "table public.t is called public.u now, and 'collections' names it public.t")
        #expect(try named("u").updates.map(\.table.table) == [name("u")])
    }

    /// `_id` is the bare value of a key of one column, whatever that is called.
    @Test func aKeyIsCalledOtherwise() throws {
        let updated = try #require(try settle([stored("t")], [shown("t", ["key", "n"])]).updates.first?.table)
        #expect(updated.keyColumns == ["key"])
        func version(_ names: [String]) -> TableSchema {
            TableSchema(
                oid: 1, name: name("t"),
                columns: names.map {
                    Column(
                        name: $0, type: PostgresType(oid: 25, name: "text", shape: .base),
                        isIdentity: $0 == names[0])
                }, replicaIdentity: .primaryKey)
        }
        // What stands in the log from before has its old name.
        #expect(updated.keyColumns(in: version(["id", "n"])) == ["id"])
        #expect(updated.keyColumns(in: version(["key", "n"])) == ["key"])
    }
}
