import Mapping
import Model
import TestSupport
import Testing

@testable import Replication

/// A table with several collections: what is decided of each, and what the stream makes of a change.
@Suite struct RouteTests {
    private static let sales = SampleTable("sales", columns: ["id", "name", "note"])

    private static func state(_ collection: String, isFurther: Bool, oid: UInt32 = sales.schema.oid) -> TableState {
        var state = TableState(
            table: sales.schema.name, collection: collection, isFurther: isFurther, keyColumns: sales.keyColumns,
            wasEmpty: true)
        state.shape = TableShape(oid: oid, columns: [])
        return state
    }

    private static let both = [state("b", isFurther: false), state("a", isFurther: true)]

    private static func rules(_ collections: String..., of table: TableName = sales.schema.name) -> MappingRules {
        MappingRules(named: [table: collections.map { CollectionSettings(collection: $0) }])
    }

    @Test func aChangeIsMadeForEach() throws {
        let table = Self.sales
        var plans = PlanTable(tables: Self.both, rules: Self.rules("a", "b"))
        let newer = TableVersion(schema: table.schema)
        for version in [table.version, table.version, newer] {
            try plans.register(version)
            let copies = try #require(plans.copies(of: .insert(version, new: Cell.row(["1", "n", "t"]))))
            var collections: [String] = []
            for case .insert(let copy, _) in copies { collections.append(try plans.plan(for: copy).collection) }
            #expect(collections == ["b", "a"])
        }
        #expect(Set(plans.parts(of: newer)) == ["a", "b"])
        // Those of a version before are there until its changes are in a batch, and no longer.
        #expect(plans.copies(of: .delete(table.version, old: .key(Cell.row(["1", .null, .null]))))?.count == 2)
        plans.forgetReplaced()
        #expect(throws: Failure.self) { try plans.plan(for: table.version) }
        #expect(plans.copies(of: .insert(newer, new: Cell.row(["1", "n", "t"])))?.count == 2)
        var alone = PlanTable(tables: [Self.both[1]], rules: Self.rules("a"))
        try alone.register(newer)
        #expect(alone.copies(of: .insert(newer, new: Cell.row(["1", "n", "t"]))) == nil)
    }

    /// One that the file names no more leaves when a transaction is whole: nobody knows its mapping.
    @Test(arguments: [("a", "b"), ("b", "a")]) func nothingIsMadeForTheOneThatLeaves(left: String, stays: String) throws
    {
        var plans = PlanTable(tables: Self.both, rules: Self.rules(stays))
        try plans.register(Self.sales.version)
        let copies = try #require(plans.copies(of: .insert(Self.sales.version, new: Cell.row(["1", "n", "t"]))))
        guard copies.count == 1, case .insert(let copy, _) = copies[0] else {
            Issue.record("\(copies.count) changes")
            return
        }
        #expect(try plans.plan(for: copy).collection == stays)
    }

    @Test func nothingIsMadeForATableThatLeaves() throws {
        let elsewhere = TableName(schema: "public", name: "else")
        let rules = MappingRules(named: [elsewhere: [CollectionSettings(collection: "else")]])
        var plans = PlanTable(tables: [Self.both[1]], rules: rules)
        try plans.register(Self.sales.version)
        #expect(plans.copies(of: .insert(Self.sales.version, new: Cell.row(["1", "n", "t"])))?.isEmpty == true)
    }

    /// While a transaction is applied in part its changes of such a one are left out: a file that names it again must not
    /// bring it back as if nothing were missing.
    @Test func thatOneLeavesIsStoredBeforeAChangeIsLeftOut() async throws {
        var fixture = PipelineFixture()
        fixture.leave(.streaming)
        fixture.store.change { $0.tables["p"] = Self.both }
        func note(_ collections: [TableName: [CollectionSettings]]) async throws -> [String: TableMembership] {
            fixture.settings.collections = collections
            try await TableDeparture(settings: fixture.settings, ports: fixture.ports, logger: fixture.logger)
                .noteConfiguration(of: try #require(fixture.stored))
            let tables = fixture.store.snapshot.tables["p"] ?? []
            return Dictionary(uniqueKeysWithValues: tables.map { ($0.collection, $0.membership) })
        }
        let name = Self.sales.schema.name
        let (a, b) = (CollectionSettings(collection: "a"), CollectionSettings(collection: "b"))
        #expect(try await note([name: [a, b]]) == ["a": .member, "b": .member])
        let left = TableMembership.leaving(deletesDocuments: false)
        #expect(try await note([name: [b]]) == ["a": left, "b": .member])
        #expect(try await note([name: [a, b]]) == ["a": left, "b": .member], "it leaves all the same")
        let failure = await #expect(throws: Failure.self) { try await note([:]) }
        #expect(failure?.kind == .configuration && failure?.message.contains("no table would be left") == true)
    }

    private static func shown(_ name: TableName, oid: UInt32) -> CatalogueTable {
        let schema = TableSchema(oid: oid, name: name, columns: [], replicaIdentity: .primaryKey)
        return CatalogueTable(
            table: SourceTable(schema: schema, primaryKey: ["id"]), shape: TableShape(oid: oid, columns: []),
            refusal: nil, isChosen: true)
    }

    /// What a collection that joined later knows of a table made anew is not taken for another table.
    @Test func aTableMadeAnewIsShownToEach() {
        let (name, old) = (Self.sales.schema.name, Self.state("b", isFurther: false, oid: 1))
        let tables = [old, Self.state("a", isFurther: true, oid: 9)]
        let shown = ShownTables(tables, in: [Self.shown(name, oid: 9)])
        #expect(tables.allSatisfy { shown[$0]?.shape.oid == 9 })
        var other = Self.state("c", isFurther: false, oid: 9)
        other.table = TableName(schema: "public", name: "other")
        #expect(ShownTables([old, other], in: [Self.shown(name, oid: 9)])[old] == nil)
    }

    @Test func whoJoins() {
        let name = Self.sales.schema.name
        func outsiders(_ states: [TableState], _ rules: MappingRules) -> [String] {
            Outsider.find(
                [Self.shown(name, oid: Self.sales.schema.oid)], states, left: [], published: [name], rules: rules,
                joinsBy: { _ in states.isEmpty }
            ).sorted().map(\.collection)
        }
        #expect(outsiders([], Self.rules("a", "b")) == ["a", "b"])
        #expect(outsiders([Self.both[0]], Self.rules("a", "b")) == ["a"])
        #expect(outsiders(Self.both, Self.rules("a", "b")).isEmpty)
        #expect(outsiders([Self.both[0]], MappingRules()).isEmpty, "it keeps the collection that it has")
        var leaving = Self.both[0]
        leaving.membership = .leaving(deletesDocuments: false)
        #expect(outsiders([leaving], Self.rules("a", "b")).isEmpty)
    }

    /// What was forgotten in the file is not taken for what is to leave.
    @Test(arguments: [(["a", "b"], true), (["a"], false), (["b"], false), (["c"], false), ([], true)])
    func everyEntryFollowsANewName(collections: [String], isFine: Bool) throws {
        let later = TableName(schema: "public", name: "later")
        var settings = PipelineFixture().settings
        settings.collections = [
            TableName(schema: "public", name: "else"): [CollectionSettings(collection: "else")]
        ]
        if !collections.isEmpty {
            settings.collections?[later] = collections.map { CollectionSettings(collection: $0) }
        }
        let settlement = ShapeSettlement(settings: settings, notes: SchemaNotes(), serverVersion: 150_000)
        let catalogue = [Self.shown(later, oid: Self.sales.schema.oid)]
        do {
            let outcome = try settlement.settle(Self.both, catalogue, at: LSN(rawValue: 9), isPicked: false)
            #expect(isFine && outcome.updates.map(\.table.table) == [later, later])
        } catch let failure as Failure {
            #expect(!isFine && failure.message.contains("doesn't bring it into"))
        }
    }
}
