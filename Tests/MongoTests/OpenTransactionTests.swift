import BSON
import DevServers
import Model
import TestSupport
import Testing

import Mongo

/// Commands of an operator after a worker was killed: what it left open keeps the state's documents locked for a minute,
/// longer than a connection waits for an answer.
@Suite(.onServers) struct OpenTransactionTests {
    enum Order: String, CaseIterable {
        case join, leave, ask, pause, limits, retry, discard, remove
    }

    private let table = TableState(
        table: TableName(schema: "public", name: "things"), collection: "things", keyColumns: ["id"], wasEmpty: true)
    private let held = HeldKey(collection: "things", key: ["_id": 1])

    private func give(_ order: Order, _ fixture: SinkFixture, _ table: TableState) async throws {
        let (store, pipeline) = (fixture.store, fixture.pipeline)
        switch order {
        case .join: _ = try await store.join(table, in: pipeline)
        case .leave:
            #expect(try await store.order(.leave(deletesDocuments: false), of: table.table, in: pipeline))
        case .ask:
            let request = BackfillRequest(
                cause: .asked, condition: nil, removesGone: false, requestedAt: SourceTime(microseconds: 5_000_000),
                host: "h")
            #expect(try await store.ask(request, of: table, in: pipeline))
        case .pause: #expect(try await store.order(.pause, of: table, in: pipeline))
        case .limits: try await store.setLimits([.lag: .at(5)], of: pipeline)
        case .retry: try await store.retry([held], of: pipeline)
        case .discard: try await store.discard([held], of: pipeline)
        case .remove: try await store.remove(pipeline)
        }
    }

    @Test(arguments: Order.allCases) func theyEndWhatTheWorkerLeftOpen(_ order: Order) async throws {
        let fixture = try await SinkFixture()
        let (store, pipeline) = (fixture.store, fixture.pipeline)
        _ = try await store.join(table, in: pipeline)
        try await store.setLimits([.lag: .at(9)], of: pipeline)
        if order == .join { try await give(.leave, fixture, table) }
        let dead = try fixture.reader.startSession()
        var state = try required(try await store.load(pipeline))
        state = try await store.takeOver(state, sessions: [try dead.id], worker: state.worker)
        try dead.startTransaction()
        for collection in ["tables", "controls", "pipelines"] {
            let reply = try fixture.reader.command(
                fixture.stateDatabase,
                [
                    "update": .string(collection),
                    "updates": [["q": [:], "u": ["$set": ["touched": true]]]],
                ], session: dead)
            #expect(reply["n"]?.asInt64 == 1, "\(collection)")
        }
        let start = ContinuousClock.now
        try await give(order, fixture, table)
        #expect(.now - start < .seconds(25))
        #expect(throws: MongoError.self) { try dead.commit() }
    }

    /// A worker that is alive has documents locked for moments: it isn't disturbed.
    @Test func theyWaitForOneThatIsShort() async throws {
        // Of its own, so that no other test's transactions are counted.
        let server = try await MongoServer.start(directory: SharedServers.directory(uniqueName("short")))
        do { try await waitForOneThatIsShort(SinkFixture(on: server)) } catch {
            try? await server.remove()
            throw error
        }
        try await server.remove()
    }

    private func waitForOneThatIsShort(_ fixture: SinkFixture) async throws {
        let (store, pipeline) = (fixture.store, fixture.pipeline)
        try await store.setLimits([.lag: .at(9)], of: pipeline)
        let alive = try fixture.reader.startSession()
        let state = try required(try await store.load(pipeline))
        _ = try await store.takeOver(state, sessions: [try alive.id], worker: state.worker)
        try alive.startTransaction()
        try fixture.reader.command(
            fixture.stateDatabase,
            ["update": "controls", "updates": [["q": [:], "u": ["$set": ["touched": true]]]]],
            session: alive)
        let before = try aborted(fixture)
        let discarding = Task { try await store.discard([held], of: pipeline) }
        try await waitUntil("it has met the lock") { try aborted(fixture) > before }
        try alive.commit()
        try await discarding.value
        let control = try fixture.reader.find(fixture.stateDatabase, "controls", filter: [:], limit: 1).first
        #expect(control?["touched"]?.asBool == true && control?["letter_orders"]?.asInt64 == 1)
    }

    /// Transactions that the server has aborted.
    private func aborted(_ fixture: SinkFixture) throws -> Int64 {
        let status = try fixture.reader.command("admin", ["serverStatus": 1])
        return try required(status["transactions"]?.asDocument?["totalAborted"]?.asInt64)
    }
}
