import BSON
import TestSupport
import Testing

/// The tools the other tests rely on must be able to fail.
@Suite(.onServers) struct ComparisonTests {
    @Test func findsEveryKindOfDifference() async throws {
        let fixture = try await PipelineFixture("compare")
        try await Workload.createTables(fixture, rows: 10)
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
        let updates: [(BSONValue, BSONValue)] = [
            (1, ["$set": ["quantity": .int64(1)]]), (2, ["$set": ["name": "another"]]), (3, ["$unset": ["ratio": ""]]),
            (4, ["$set": ["more": 1]]),
        ]
        for (id, update) in updates {
            try await fixture.inspector.command(
                ["update": "items", "updates": [["q": ["_id": id], "u": update]]])
        }
        try await fixture.inspector.command(["delete": "items", "deletes": [["q": ["_id": 5], "limit": 1]]])
        try await fixture.inspector.insert([["_id": .int64(99)]], into: "items")
        let differences = try await fixture.compare()
        #expect(differences.count == 6)
        for words in [
            "column quantity has int64 instead of int32", "column name has another value", "field ratio is missing",
            "field more should not be there", "a row without a document", "a document without a row",
        ] {
            #expect(differences.contains { $0.contains(words) }, "\(words) is not in \(differences)")
        }
    }

    @Test func watcherSeesAVersionThatGoesBack() async throws {
        let fixture = try await PipelineFixture("watch")
        func write(_ version: Int64) async throws {
            try await fixture.inspector.command(
                [
                    "update": "items",
                    "updates": [["q": ["_id": 1], "u": ["_id": 1, "version": .int64(version)], "upsert": true]],
                    "writeConcern": ["w": "majority"],
                ])
        }
        let violations = try await VersionWatcher.watching(fixture, collections: ["items"]) { passes in
            try await write(1)
            try await write(3)
            try await passes(2)
            try await write(2)
            try await passes(2)
        }
        #expect(violations.count >= 1)
    }
}
