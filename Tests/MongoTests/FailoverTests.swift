import BSON
import DevServers
import Model
import Mongo
import TestSupport
import Testing

/// What an operator asks is written first, and waited for apart.
@Suite(.onServers) struct FailoverTests {
    @Test func anotherPrimaryMayNotHaveIt() async throws {
        try await PipelineFixture.withOwnServers("stepdown") { fixture in
            let pool = try MongoPool(uri: fixture.targetURI, applicationName: "wherry-test")
            let store = MongoStateStore(pool: pool, database: fixture.stateDatabase)
            func write(_ value: BSONValue) async throws -> BSONDocument {
                try await store.limited([
                    "update": "controls",
                    "updates": [["q": ["_id": "p"], "u": ["$set": ["v": value]], "upsert": true]],
                ])
            }
            let kept = try await write(1)
            #expect(kept["electionId"] != nil)
            try await store.awaitMajority(after: kept)
            let doubtful = try await write(2)
            try await fixture.inspector.command(["replSetStepDown": 1, "force": true], on: "admin")
            try await waitUntil("it is primary again", within: .seconds(60)) {
                let hello = try? await fixture.inspector.command(["hello": 1], on: "admin")
                return hello?["isWritablePrimary"] == true
            }
            let failure = await #expect(throws: Failure.self) { try await store.awaitMajority(after: doubtful) }
            #expect(failure?.kind == .targetInterrupted && failure?.hint?.contains("wherry status") == true)
            try await store.awaitMajority(after: write(3))
        }
    }
}
