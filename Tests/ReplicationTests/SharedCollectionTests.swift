import BSON
import Mapping
import Model
import TestSupport
import Testing

@testable import Replication

/// Two tables in one collection, as the engine carries them.
@Suite struct SharedCollectionTests {
    private let cars = SampleTable("cars")
    private let boats = SampleTable("boats", oid: 2)
    private let plans: PlanTable
    private let checkpoint = Checkpoint(lsn: LSN(rawValue: 2000))

    init() throws { plans = try Self.plans([cars, boats]) }

    private static func part(_ table: SampleTable) -> CollectionPart {
        CollectionPart("things", Discriminator(field: "kind", value: table.schema.name.name))
    }

    private static func plans(_ tables: [SampleTable]) throws -> PlanTable {
        var named: [TableName: [CollectionSettings]] = [:]
        for table in tables {
            var mapping = CollectionMapping()
            mapping.discriminator = part(table).discriminator
            named[table.schema.name] = [CollectionSettings(collection: "things", mapping: mapping)]
        }
        let states = tables.map {
            TableState(
                table: $0.schema.name, collection: "things", discriminator: part($0).discriminator,
                keyColumns: $0.keyColumns, wasEmpty: true)
        }
        var plans = PlanTable(tables: states, rules: MappingRules(named: named))
        for table in tables { try plans.register(table.version) }
        return plans
    }

    private func key(_ table: SampleTable, _ id: Int32) -> BSONDocument {
        ["_id": ["kind": .string(table.schema.name.name), "id": .int32(id)]]
    }

    private func batch() throws -> WriteBatch {
        var builder = BatchBuilder()
        for table in [cars, boats, cars] {
            try builder.add(table.insert("1", "a", "b"), plans: plans)
            try builder.add(table.delete("1", nil, nil), plans: plans)
            try builder.add(table.insert("1", "a", "c"), plans: plans)
        }
        builder.advance(to: checkpoint, endsTransaction: true)
        let batch = builder.seal()
        return try #require(batch)
    }

    @Test func oneBatchHasTheSameKeysOfBoth() throws {
        let batch = try batch()
        #expect(batch.collections.map(\.collection) == ["things"] && batch.counts.coalesced == 7)
        let writes = batch.collections[0]
        let keys = writes.writes.map { BSONDocument(unchecked: writes.bytes($0.key)) }
        #expect(keys == [key(cars, 1), key(boats, 1)])
        #expect(writes.writes.map { writes.table(of: $0.key) } == [cars.schema.name, boats.schema.name])
    }

    @Test func lettersAreOfTheirTables() throws {
        var batch = try batch()
        var held = HeldKeys(HeldLetters(), of: "p")
        try held.refuse(Failure.Place(collection: "things", position: 1), of: &batch, because: "large")
        try held.refuse(Failure.Place(collection: "things", position: 0), of: &batch, because: "large")
        #expect(batch.letters.map(\.table) == [boats.schema.name, cars.schema.name])
        #expect(held.holds(Self.part(cars)) && held.holds(Self.part(boats)))
        held.release(Self.part(cars))
        #expect(!held.holds(Self.part(cars)) && held.contains(key(boats, 1), in: "things"))
        #expect(held.holds("things"))
    }

    /// A chunk of the one is not older than a truncation of the other.
    @Test func aTruncationIsAboutOneTable() throws {
        let running = VisibilitySnapshot(xmin: 10, xmax: 11, running: [10])
        let progress = Progress()
        let inbox = ChunkInbox(run: "run", snapshot: running, fence: nil, progress: progress)
        var filter = ChunkFilter(
            unfinished: [Self.part(cars), Self.part(boats)], pending: PendingRereads([]), inbox: inbox, fence: nil,
            byteLimit: 1 << 20,
            progress: progress)
        var chunks: [(token: String, table: SampleTable)] = []
        for table in [cars, boats] {
            let token = try #require(inbox.announce())
            #expect(inbox.note(running, for: token))
            let backfill = BackfillTable(
                route: Route(table.schema.name), version: table.version, plan: try plans.plan(for: table.version),
                key: table.keyColumns,
                expectsDocuments: false)
            let documents = backfill.documents()
            for key in ["1", "2"] { try backfill.append(Cell.row([.text(key), "n", "d"]), to: documents) }
            inbox.deliver(
                .chunk(Chunk(documents: documents, snapshot: running, progress: nil, rereads: []) { _ in }), as: token)
            chunks.append((token, table))
        }
        filter.recordTruncation(of: [Self.part(cars)], by: 10)
        let counts = chunks.map { filter.admit($0.token)?.chunk?.write.documents.writes.count }
        #expect(counts == [0, 2])
    }

    /// A read of rows goes to the tables that they are of.
    @Test func rowsToReadAgainByTable() async throws {
        let tables = try [cars, boats].map { table in
            BackfillTable(
                route: Route(table.schema.name), version: table.version, plan: try plans.plan(for: table.version),
                key: table.keyColumns,
                expectsDocuments: true)
        }
        // The other one is looked up, once.
        let progress = Progress()
        let reading = RereadTables([tables[0]]) { _ in
            progress.update { $0.retries += 1 }
            return (tables[1].plan.part, tables[1])
        }
        let rereads = [key(boats, 1), key(cars, 1), key(boats, 2)].map { Reread(collection: "things", key: $0) }
        for _ in 1...2 {
            let groups = try await reading.byTable(rereads)
            #expect(groups.map(\.table?.version.schema.name) == [boats.schema.name, cars.schema.name])
            #expect(groups.map(\.rows) == [[rereads[0], rereads[2]], [rereads[1]]])
        }
        #expect(progress.snapshot().retries == 1)
    }

    /// One look in the catalogue, however many rows wait.
    @Test func rowsOfATableThatIsGone() async throws {
        let part = try plans.plan(for: boats.version).part
        let progress = Progress()
        let reading = RereadTables([]) { _ in
            progress.update { $0.retries += 1 }
            return (part, nil)
        }
        let rereads = (1...50).map { Reread(collection: "things", key: key(boats, Int32($0))) }
        for _ in 1...2 {
            let groups = try await reading.byTable(rereads)
            #expect(groups.count == 1 && groups[0].table == nil && groups[0].rows == rereads)
        }
        #expect(progress.snapshot().retries == 1)
    }

    @Test func whoMayShare() {
        func clashes(_ one: CollectionPart, _ other: CollectionPart) -> Int {
            StartChecks.sharing([Destination(cars.schema.name, one), Destination(boats.schema.name, other)]).count
        }
        #expect(clashes(Self.part(cars), Self.part(boats)) == 0 && clashes("a", "b") == 0)
        #expect(clashes(Self.part(cars), Self.part(cars)) == 1 && clashes("things", Self.part(boats)) == 1)
        let other = CollectionPart("things", Discriminator(field: "type", value: "boats"))
        #expect(clashes(Self.part(cars), other) == 1 && clashes("a", "a") == 1)
    }

    @Test func anotherDiscriminatorIsAnotherKey() throws {
        var mapping = CollectionMapping()
        mapping.discriminator = Self.part(boats).discriminator
        let rules = MappingRules(named: [
            cars.schema.name: [CollectionSettings(collection: "things", mapping: mapping)]
        ])
        for before in [nil, Self.part(cars).discriminator] {
            let state = TableState(
                table: cars.schema.name, collection: "things", discriminator: before, keyColumns: cars.keyColumns,
                wasEmpty: true)
            var plans = PlanTable(tables: [state], rules: rules)
            let failure = #expect(throws: Failure.self) { try plans.register(cars.version) }
            #expect(failure?.kind == .configuration && failure?.message.contains("(kind: boats) now") == true)
        }
    }
}
