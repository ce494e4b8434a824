import BSON
import Model
import TestSupport
import Testing

import Mongo

@Suite(.onServers) struct MongoConnectionTests {
    /// A reply holds 101 documents at first: the rest takes further commands, in the session of the first one.
    @Test func manyConnectionsReadManyDocumentsAtOnce() async throws {
        let fixture = try await SinkFixture()
        for part in 0..<3 {
            let documents = (0..<100).map { BSONValue.document(["_id": .int64(Int64(part * 100 + $0))]) }
            try fixture.reader.command(
                fixture.pool.database, ["insert": "things", "documents": .array(documents)])
        }
        let pool = fixture.pool
        try await withThrowingTaskGroup(of: Void.self) { readers in
            for _ in 0..<6 {
                readers.addTask {
                    for _ in 0..<50 {
                        let connection = MongoConnection(pool)
                        let found = try connection.find(pool.database, "things", filter: [:], limit: 1000)
                        #expect(found.count == 300)
                    }
                }
            }
            try await readers.waitForAll()
        }
    }
}
