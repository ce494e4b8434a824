import BSON
import Mapping
import Model
import Testing

@testable import Replication

/// The table in the comment of `CollectionBuilder`, cell by cell.
struct CollectionBuilderTests {
    /// What is in the batch for key 1 before the change that is tested.
    enum Before: String, CaseIterable, Sendable { case nothing, insert, replace, set, move, delete }

    enum Step: String, CaseIterable, Sendable { case insert, whole, part, delete, moveAway }

    struct Case: Sendable, CustomTestStringConvertible {
        let before: Before
        let step: Step
        /// Kind of the write at key 1, or at key 2 for a key change; nil where the stream can't do that.
        let kind: DocumentWrite.Kind?
        let body: BSONDocument
        var origin: Int32?

        var testDescription: String { "\(before.rawValue) + \(step.rawValue)" }
    }

    static let whole: BSONDocument = ["_id": 1, "name": "n", "doc": "d"]
    static let merged: BSONDocument = ["_id": 1, "name": "n", "doc": "old"]
    static let mergedAway: BSONDocument = ["_id": 2, "name": "n", "doc": "old"]
    static let part: BSONDocument = ["name": "n"]
    static let none = BSONDocument()

    /// The stream is held to the guard only where an application writes too; rows of a backfill always are.
    @Test(arguments: [false, true]) func theGuardGoesWithTheWrites(isDualWritten: Bool) throws {
        let table = SampleTable(
            schema: TableSchema(
                oid: 1, name: TableName(schema: "public", name: "t"),
                columns: [
                    Column(name: "id", type: PostgresType(oid: 23, name: "integer", shape: .base), isIdentity: true),
                    Column(
                        name: "at", type: PostgresType(oid: 1184, name: "timestamptz", shape: .base),
                        isIdentity: false),
                ], replicaIdentity: .primaryKey))
        let rules = MappingRules(named: [
            table.schema.name: [
                CollectionSettings(
                    collection: "t", lastModified: LastModified(column: "at", isDualWritten: isDualWritten))
            ]
        ])
        var plans = PlanTable(tables: [table.state], rules: rules)
        try plans.register(table.version)
        let plan = try plans.plan(for: table.version)
        let stream = CollectionBuilder(plan: plan).writes
        #expect(stream.guardField == (isDualWritten ? "at" : nil) && stream.expectsDocuments == isDualWritten)
        let part = BackfillTable(
            route: Route(table.schema.name), version: table.version, plan: plan, key: ["id"], expectsDocuments: true,
            guardField: plan.backfillGuard)
        #expect(part.documents().guardField == "at" && part.documents().expectsDocuments)
        // A version of the table that has lost the column: nothing could be compared any more.
        let later = SampleTable("t", columns: ["id", "name"])
        let failure = #expect(throws: Failure.self) { try plans.register(later.version) }
        #expect(failure?.kind == .configuration)
    }

    static let cases: [Case] = [
        Case(before: .nothing, step: .insert, kind: .insert, body: whole),
        Case(before: .nothing, step: .whole, kind: .replace, body: whole),
        Case(before: .nothing, step: .part, kind: .set, body: part),
        Case(before: .nothing, step: .delete, kind: .delete, body: none),
        Case(before: .nothing, step: .moveAway, kind: .move, body: part, origin: 1),
        Case(before: .insert, step: .whole, kind: .insert, body: whole),
        Case(before: .insert, step: .part, kind: .insert, body: merged),
        Case(before: .insert, step: .delete, kind: .delete, body: none),
        Case(before: .insert, step: .moveAway, kind: .replace, body: mergedAway),
        Case(before: .replace, step: .whole, kind: .replace, body: whole),
        Case(before: .replace, step: .part, kind: .replace, body: merged),
        Case(before: .replace, step: .delete, kind: .delete, body: none),
        Case(before: .replace, step: .moveAway, kind: .replace, body: mergedAway),
        Case(before: .set, step: .whole, kind: .replace, body: whole),
        Case(before: .set, step: .part, kind: .set, body: part),
        Case(before: .set, step: .delete, kind: .delete, body: none),
        Case(before: .set, step: .moveAway, kind: .move, body: part, origin: 1),
        Case(before: .move, step: .whole, kind: .replace, body: whole),
        Case(before: .move, step: .part, kind: .move, body: part, origin: 9),
        Case(before: .move, step: .delete, kind: .delete, body: none),
        Case(before: .move, step: .moveAway, kind: .move, body: part, origin: 9),
        Case(before: .delete, step: .insert, kind: .replace, body: whole),
        Case(before: .delete, step: .delete, kind: .delete, body: none),
        Case(before: .delete, step: .part, kind: nil, body: none),
        Case(before: .delete, step: .moveAway, kind: nil, body: none),
    ]

    @Test(arguments: cases) func folds(_ example: Case) throws {
        let table = SampleTable()
        let plans = try SampleTable.plans([table])
        var batch = BatchBuilder()
        for change in CollectionBuilderTests.changes(example.before, table) { try batch.add(change, plans: plans) }
        let change = CollectionBuilderTests.change(example.step, table)
        guard let kind = example.kind else {
            #expect(throws: Failure.self) { try batch.add(change, plans: plans) }
            return
        }
        try batch.add(change, plans: plans)
        batch.advance(to: Checkpoint(lsn: LSN(rawValue: 1)), endsTransaction: true)
        let collections = batch.seal()?.collections ?? []
        let writes = try #require(collections.first)
        let isAway = example.step == .moveAway
        let key: BSONDocument = ["_id": isAway ? 2 : 1]
        let write = try #require(writes.writes.first { writes.bytes($0.key) == key.bytes })
        #expect(write.kind == kind)
        #expect(write.body.isEmpty ? example.body.isEmpty : writes.bytes(write.body) == example.body.bytes)
        if let origin = example.origin {
            #expect(writes.bytes(write.origin) == (["_id": .int32(origin)] as BSONDocument).bytes)
        }
        if isAway {
            let left = try #require(writes.writes.first { writes.bytes($0.key) == (["_id": 1] as BSONDocument).bytes })
            #expect(left.kind == .delete)
        }
    }

    static func changes(_ before: Before, _ table: SampleTable) -> [Change] {
        switch before {
        case .nothing: []
        case .insert: [table.insert("1", "x", "old")]
        case .replace: [table.update("1", "x", "old")]
        case .set: [table.update("1", "x", .unchanged)]
        case .move: [table.update(old: .key(Cell.row(["9", nil, nil])), "1", "x", .unchanged)]
        case .delete: [table.delete("1", nil, nil)]
        }
    }

    static func change(_ step: Step, _ table: SampleTable) -> Change {
        switch step {
        case .insert: table.insert("1", "n", "d")
        case .whole: table.update("1", "n", "d")
        case .part: table.update("1", "n", .unchanged)
        case .delete: table.delete("1", nil, nil)
        case .moveAway: table.update(old: .key(Cell.row(["1", nil, nil])), "2", "n", .unchanged)
        }
    }

    @Test func everyStateIsInTheTable() {
        #expect(Set(CollectionBuilderTests.cases.map(\.before)) == Set(Before.allCases))
        #expect(Set(CollectionBuilderTests.cases.map(\.step)) == Set(Step.allCases))
    }

    @Test func countsChangesAndWrites() throws {
        let (one, two) = (SampleTable("one"), SampleTable("two", oid: 2))
        let plans = try SampleTable.plans([one, two])
        var batch = BatchBuilder()
        let nothing = batch.seal()
        #expect(batch.isEmpty && nothing.map(\.counts) == nil)
        for change in [
            one.insert("1", "a", "b"), one.update("1", "c", "b"), one.insert("2", "a", "b"), two.insert("1", "a", "b"),
        ] {
            try batch.add(change, plans: plans)
        }
        #expect(batch.load == 3)
        #expect(batch.bytes > 0)
        batch.advance(to: Checkpoint(lsn: LSN(rawValue: 5)), endsTransaction: true)
        let seal = batch.seal()
        let sealed = try #require(seal)
        #expect(sealed.counts.changes == 4 && sealed.counts.writes == 3 && sealed.counts.transactions == 1)
        #expect(sealed.collections.map(\.collection) == ["one", "two"])
        #expect(batch.isEmpty && batch.bytes == 0 && batch.load == 0)
    }

    @Test func refusesChangesItCannotFold() throws {
        let table = SampleTable()
        var batch = BatchBuilder()
        let plans = try SampleTable.plans([table])
        let changes = [
            .truncate([table.version]), SampleTable("t").insert("1", "a", "b"), table.insert(nil, "a", "b"),
        ]
        for change in changes { #expect(throws: Failure.self) { try batch.add(change, plans: plans) } }
    }

    @Test func grownIndexFindsEveryKeyAgain() throws {
        let table = SampleTable()
        let plans = try SampleTable.plans([table])
        var batch = BatchBuilder()
        for round in 0..<2 {
            for id in 0..<2000 { try batch.add(table.update("\(id)", "\(round)", "d"), plans: plans) }
        }
        batch.advance(to: Checkpoint(lsn: LSN(rawValue: 5)), endsTransaction: true)
        let sealed = batch.seal()
        #expect(sealed?.counts.writes == 2000)
        #expect(sealed?.counts.coalesced == 2000)
    }
}
