import BSON
import DevServers
import Logging
import Model
import TestSupport
import Testing

import Mongo

/// A worker takes a pipeline over from one that isn't quite dead.
@Suite(.onServers) struct TakeOverTests {
    /// The old worker's last command is on its way when the new one kills its sessions, and opens a transaction after
    /// that: nobody will end it for a minute.
    @Test func aTransactionThatComesAfterTheKill() async throws {
        let server = try await MongoServer.start(
            directory: SharedServers.directory(uniqueName("takeover")), options: .withTestCommands)
        let uri = server.uri(database: "target")
        let old = MongoConnection(try MongoPool(uri: uri, applicationName: "old worker"))
        let store = MongoStateStore(pool: try MongoPool(uri: uri, applicationName: "new worker"), database: "state")
        let session = try old.startSession()
        var state = SinkFixture.state("shop", checkpoint: Checkpoint(lsn: LSN(rawValue: 0x100)))
        state.sessions = [try session.id]
        try await store.create(state, tables: [])
        let held = try await FailPoint.hold(
            ["update"], of: "new worker", for: .seconds(2), once: true, using: try MongoInspector(uri: uri))
        let worker = WorkerIdentity(host: "h", pid: 2, startedAt: SourceTime(microseconds: 0))
        async let taken = store.takeOver(state, sessions: [], worker: worker)
        try await held.waitUntilHolding()
        try session.startTransaction()
        try old.command(
            "state", ["update": "pipelines", "updates": [["q": ["_id": "shop"], "u": ["$set": ["checkpoint.x": 1]]]]],
            session: session)
        let start = ContinuousClock.now
        #expect(try await taken.epoch == state.epoch + 1)
        // Long before the server ends the transaction by itself, at 60 s, and before a reply is given up, at 30 s.
        #expect(.now - start < .seconds(25))
        #expect(throws: MongoError.self) { try session.commit() }
        #expect(try await store.load("shop")?.worker == worker)
        try await server.remove()
    }
}
