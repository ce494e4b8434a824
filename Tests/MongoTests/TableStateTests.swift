import BSON
import DevServers
import Model
import Mongo
import TestSupport
import Testing

/// Tables of a pipeline that come, go and change their names, as the state database has them.
@Suite(.onServers) struct TableStateTests {
    private func name(_ text: String) -> TableName { TableName(schema: "public", name: text) }

    private func table(_ text: String, oid: UInt32 = 1) -> TableState {
        var table = TableState(table: name(text), collection: text, keyColumns: ["id"], wasEmpty: true)
        table.shape = TableShape(
            oid: oid, columns: [TableShape.Column(number: 3, name: "id", type: "numeric", modifier: 655366)])
        table.coveredTo = LSN(rawValue: 77)
        return table
    }

    private func pipeline(_ tables: [TableState]) async throws -> (MongoStateStore, PipelineState) {
        let server = try await SharedServers.shared.mongoServer()
        let database = uniqueName("tables")
        let store = MongoStateStore(
            pool: try MongoPool(uri: server.uri(database: database), applicationName: "wherry-test"),
            database: "state_\(database)")
        let state = PipelineState(
            pipeline: "p", stage: .streaming, stageSince: SourceTime(microseconds: 0),
            source: SourceIdentity(systemIdentifier: "1", timeline: 1, database: "d", serverVersion: 150_000),
            slot: "s", publication: "p", targetDatabase: "t", epoch: 4, sessions: [], checkpoint: nil, copyAttempt: 1,
            worker: WorkerIdentity(host: "h", pid: 1, startedAt: SourceTime(microseconds: 0)))
        try await store.create(state, tables: tables)
        return (store, state)
    }

    private func request() -> BackfillRequest {
        BackfillRequest(
            cause: .schemaChange, condition: nil, removesGone: false, requestedAt: SourceTime(microseconds: 5_000_000),
            host: "h")
    }

    @Test func whatIsWrittenIsReadBack() async throws {
        let (store, state) = try await pipeline([table("a"), table("b", oid: 2)])
        #expect(try await store.tables(of: "p") == [table("a"), table("b", oid: 2)])
        // The names change hands; what is stored besides stays with its table.
        var begun = table("a")
        begun.wanted = request()
        try await store.want([begun], of: state)
        begun.backfill = BackfillState(
            route: begun.route, ranges: [], startedAt: SourceTime(microseconds: 0), floor: 9, cause: .schemaChange)
        try await store.saveBackfills([begun], of: state)
        var (first, second) = (begun, table("b", oid: 2))
        (first.table, second.table) = (name("b"), name("a"))
        first.wanted = request()
        second.acceptsChange = true
        let before = try await store.tables(of: "p")
        try await store.write(
            [TableUpdate(before[0], to: first), TableUpdate(before[1], to: second)], of: state)
        let stored = try await store.tables(of: "p")
        #expect(stored.map(\.table) == [name("a"), name("b")] && stored.map(\.collection) == ["b", "a"])
        #expect(stored[1].backfill?.floor == 9 && stored[1].wanted == request() && stored[0].acceptsChange)
        // What isn't said any more is gone.
        second.acceptsChange = false
        first.wanted = nil
        try await store.write(
            [TableUpdate(stored[1], to: first), TableUpdate(stored[0], to: second)], of: state)
        #expect(try await store.tables(of: "p").allSatisfy { $0.wanted == nil && !$0.acceptsChange })
    }

    /// A start decides by what it has read; an operator may ask for something before it writes.
    @Test func whatIsAskedMeanwhileIsNotOverwritten() async throws {
        let (store, state) = try await pipeline([table("a"), table("b", oid: 2)])
        let orders: [(TableState) async throws -> Void] = [
            { _ in _ = try await store.order(.acceptChange, of: name("a"), in: "p") },
            { _ = try await store.ask(request(), of: $0, in: "p") },
            { _ in _ = try await store.order(.leave(deletesDocuments: true), of: name("a"), in: "p") },
        ]
        for order in orders {
            let before = try await store.tables(of: "p")
            try await order(before[0])
            let asked = try await store.tables(of: "p")
            #expect(asked != before)
            let updates = before.map { table in
                var filtered = table
                filtered.rowFilter = "id > 5"
                return TableUpdate(table, to: filtered)
            }
            let failure = await #expect(throws: Failure.self) { try await store.write(updates, of: state) }
            #expect(failure?.kind == .inUse)
            #expect(try await store.tables(of: "p") == asked)
        }
    }

    /// Each is stored and goes apart; the table has left with the last of them.
    @Test func aTableHasSeveralCollections() async throws {
        let (store, state) = try await pipeline([table("a")])
        var other = TableState(
            table: name("a"), collection: "others", isFurther: true, keyColumns: ["id"], wasEmpty: true)
        other.membership = .joining
        #expect(try await store.join(other, in: "p"))
        #expect(try await store.tables(of: "p") == [table("a"), other])
        #expect(try await store.order(.acceptChange, of: name("a"), in: "p"))
        let orders = try await store.orders(of: "p")
        #expect(orders.count == 2 && orders.values.allSatisfy(\.acceptsChange))
        try await store.remove([table("a")], of: state)
        #expect(try await store.tables(of: "p").map(\.collection) == ["others"])
        #expect(try await store.leftTables(of: "p") == [])
        try await store.remove([other], of: state)
        #expect(try await store.leftTables(of: "p") == [LeftTable(table: name("a"), isOrdered: false)])
    }

    @Test func aWorkerThatWasTakenOverWritesNothing() async throws {
        var (store, state) = try await pipeline([table("a")])
        state.epoch = 3
        let failure = await #expect(throws: Failure.self) {
            try await store.write([TableUpdate(table("a"), to: table("z"))], of: state)
        }
        #expect(failure?.kind == .fenced)
        await #expect(throws: Failure.self) { try await store.remove([table("a")], of: state) }
        #expect(try await store.tables(of: "p") == [table("a")])
    }

    @Test func tablesComeAndGo() async throws {
        let (store, state) = try await pipeline([table("a")])
        var joining = table("b")
        joining.membership = .joining
        #expect(try await store.join(joining, in: "p"))
        #expect(try await store.join(joining, in: "p") == false)
        #expect(try await store.orders(of: "p")[Route(name("b"))]?.membership == .joining)
        #expect(try await store.order(.leave(deletesDocuments: true), of: name("b"), in: "p"))
        #expect(try await store.orders(of: "p")[Route(name("b"))]?.membership == .leaving(deletesDocuments: true))
        try await store.setLimits([.lag: .at(5)], of: "p")
        try await store.remove([joining], of: state)
        #expect(try await store.tables(of: "p") == [table("a")])
        // Whoever ordered it is remembered, and what else is set stays.
        #expect(try await store.leftTables(of: "p").contains(LeftTable(table: name("b"), isOrdered: true)))
        #expect(try await store.limits(of: "p") == BackfillLimits([.lag: .at(5)]))
        #expect(try await store.join(joining, in: "p"))
        #expect(try await store.leftTables(of: "p") == [])
        #expect(try await store.order(.acceptChange, of: name("a"), in: "p"))
        #expect(try await store.orders(of: "p")[Route(name("a"))]?.acceptsChange == true)
        #expect(try await store.order(.acceptChange, of: name("nobody"), in: "p") == false)
    }
}
