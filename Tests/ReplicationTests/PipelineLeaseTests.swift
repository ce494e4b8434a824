import Model
import TestSupport
import Testing

@testable import Replication

/// What a start decides before it writes anything.
struct PipelineLeaseTests {
    func kind(of body: () async throws -> PipelineState) async -> Failure.Kind? {
        do {
            _ = try await body()
            return nil
        } catch {
            #expect((error as? Failure)?.hint != nil)
            return (error as? Failure)?.kind
        }
    }

    @Test func aFirstStartWritesDownWhatItFound() async throws {
        let fixture = PipelineFixture(tables: [SampleTable("one"), SampleTable("two", oid: 2)])
        let lease = fixture.lease
        #expect(await !lease.hasRun)
        let state = try await lease.take()
        #expect(
            state.stage == .backfilling && state.epoch > 1_000_000_000 && state.checkpoint == nil
                && state.copyAttempt == 0)
        #expect(state == fixture.stored)
        #expect(await lease.tables.map(\.collection) == ["one", "two"])
        #expect(await lease.tables.allSatisfy { $0.wasEmpty })
        // Every session that will write is known before the first write.
        #expect(state.sessions.map(\.bytes.first) == [1, 8, 9, 2, 3])
        #expect(fixture.sink.epoch == state.epoch && fixture.copySinks.allSatisfy { $0.epoch == state.epoch })
        #expect(await lease.hasRun)
        await lease.close()
        #expect(fixture.sink.isClosed && fixture.copySinks.allSatisfy { $0.isClosed })
    }

    @Test func occupiedCollectionsAreRefusedUnlessAdopted() async throws {
        var fixture = PipelineFixture(tables: [SampleTable("one"), SampleTable("two", oid: 2)])
        fixture.target.change { $0.occupied = ["two", "other"] }
        let lease = fixture.lease
        #expect(await kind(of: lease.take) == .configuration)
        #expect(fixture.stored == nil)
        fixture.settings.adopt = true
        let adopting = fixture.lease
        _ = try await adopting.take()
        #expect(await adopting.tables.map(\.wasEmpty) == [true, false])
    }

    @Test func theConfigurationNamesCollectionsAndGuards() async throws {
        let moment = PostgresType(oid: 1184, name: "timestamptz", shape: .base)
        let id = Column(name: "id", type: PostgresType(oid: 23, name: "integer", shape: .base), isIdentity: true)
        let guarded = SampleTable(
            schema: TableSchema(
                oid: 2, name: TableName(schema: "public", name: "two"),
                columns: [id, Column(name: "at", type: moment, isIdentity: false)], replicaIdentity: .primaryKey))
        var fixture = PipelineFixture(tables: [SampleTable("one"), guarded])
        func configure(_ column: String) {
            fixture.settings.collections = [
                TableName(schema: "public", name: "one"): [CollectionSettings(collection: "first")],
                guarded.schema.name: [
                    CollectionSettings(collection: "second", lastModified: LastModified(column: column))
                ],
            ]
        }
        configure("ta")
        #expect(await kind(of: fixture.lease.take) == .configuration)
        #expect(fixture.stored == nil)
        configure("at")
        let lease = fixture.lease
        _ = try await lease.take()
        #expect(await lease.tables.map(\.collection) == ["first", "second"])
        // The application may write into the guarded one at any moment: nothing in it may be taken for Wherry's own.
        #expect(await lease.tables.map(\.wasEmpty) == [true, false])
        #expect(fixture.stored?.picksTables == false)
        // At a later start the guard is looked at again, and before anything is written.
        configure("ta")
        let epoch = fixture.stored?.epoch
        #expect(await kind(of: fixture.lease.take) == .configuration)
        #expect(fixture.stored?.epoch == epoch)
    }

    @Test func noTableAndSharedCollectionsAreRefused() async {
        let none = PipelineFixture(tables: []).lease
        #expect(await kind(of: none.take) == .configuration)
        let odd = SampleTable("sales_orders")
        let schema = TableSchema(
            oid: 2, name: TableName(schema: "sales", name: "orders"), columns: odd.schema.columns,
            replicaIdentity: .primaryKey)
        let clash = PipelineFixture(tables: [odd, SampleTable(schema: schema)])
        #expect(await kind(of: clash.lease.take) == .configuration)
        #expect(clash.stored == nil)
    }

    @Test func anotherClusterOrDatabaseIsAGap() async {
        let fixture = PipelineFixture()
        fixture.leave(.streaming) { $0.source.systemIdentifier = "8" }
        #expect(await kind(of: fixture.lease.take) == .dataGap)
        fixture.leave(.streaming) { $0.source.database = "other" }
        #expect(await kind(of: fixture.lease.take) == .dataGap)
        #expect(fixture.stored?.epoch == 4)
    }

    @Test func changedNamesAreRefused() async {
        let fixture = PipelineFixture()
        fixture.leave(.streaming) { $0.slot = "old" }
        #expect(await kind(of: fixture.lease.take) == .configuration)
        fixture.leave(.streaming) { $0.publication = "old" }
        #expect(await kind(of: fixture.lease.take) == .configuration)
        fixture.leave(.streaming) { $0.targetDatabase = "old" }
        #expect(await kind(of: fixture.lease.take) == .configuration)
        #expect(fixture.stored?.epoch == 4)
    }

    @Test func aLaterStartTakesOverOnce() async throws {
        let fixture = PipelineFixture()
        fixture.leave(.streaming)
        let lease = fixture.lease
        let first = try await lease.take()
        #expect(first.epoch == 5 && first.stage == .streaming)
        // A stream needs no writers for a copy.
        #expect(first.sessions.map(\.bytes.first) == [1, 8, 9])
        #expect(fixture.copySinks.allSatisfy { $0.epoch == nil })
        let second = try await lease.take()
        #expect(second.epoch == 5)
    }

    @Test func aWorkerThatWasReplacedStaysAway() async throws {
        let fixture = PipelineFixture()
        fixture.leave(.streaming)
        let lease = fixture.lease
        _ = try await lease.take()
        _ = try await fixture.lease.take()
        #expect(await kind(of: lease.take) == .fenced)
        #expect(fixture.stored?.epoch == 6)
        await lease.note(Failure(.fenced, "m"))
        #expect(fixture.store.snapshot.notes.isEmpty)
    }

    @Test func anotherTimelineIsWrittenDown() async throws {
        let fixture = PipelineFixture()
        fixture.leave(.streaming)
        fixture.source.change { $0.identity.timeline = 2 }
        let state = try await fixture.lease.take()
        #expect(state.source.timeline == 2 && fixture.stored?.source.timeline == 2)
    }

    @Test func writersAreNotMadeTwice() async throws {
        let fixture = PipelineFixture()
        fixture.store.change { $0.failures["takeOver"] = [Failure(.inUse, "faster", hint: "Wait.")] }
        let lease = fixture.lease
        #expect(await kind(of: lease.take) == .inUse)
        #expect(fixture.copySinks.allSatisfy { $0.isClosed })
        await #expect(throws: Failure.self) { _ = try await lease.copySinks() }
        _ = try await lease.take()
        let writers = try await lease.copySinks().count
        #expect(writers == 2)
    }
}
