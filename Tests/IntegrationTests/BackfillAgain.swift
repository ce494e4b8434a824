import BSON
import DevServers
import Model
import TestSupport
import Testing

/// What tests of `wherry backfill` share.
extension PipelineFixture {
    /// Runs `wherry backfill public.TABLE` to its end.
    @discardableResult
    func backfill(
        _ table: String, _ arguments: String..., expecting code: Int32 = 0,
        location: SourceLocation = #_sourceLocation
    ) async throws -> WherryProcess {
        let process = try command(["backfill", "public.\(table)"] + connectionWords + arguments)
        try await process.end(within: .seconds(300))
        #expect(process.child.exitStatus?.code == code, "\(process.tail)", sourceLocation: location)
        return process
    }

    /// A backfill that has to be refused.
    func backfillRefused(
        _ table: String, _ arguments: String..., code: Int32, _ words: [String],
        location: SourceLocation = #_sourceLocation
    ) async throws -> BadInputRefusal {
        let before = try await tableState(table)
        let process = try command(["backfill", "public.\(table)"] + connectionWords + arguments)
        try await process.end(within: .seconds(120))
        let refusal = try BadInputRefusal(process, location: location)
        refusal.expect(code, words, location)
        let after = try await tableState(table)
        #expect(before?["wanted"] == after?["wanted"], "something was asked", sourceLocation: location)
        return refusal
    }

    /// The state document of a table.
    func tableState(_ table: String) async throws -> BSONDocument? {
        try await inspector.documents("tables", filter: ["_id.table": .string(table)], on: stateDatabase).first
    }

    /// How far the table's backfill is; nil when there is none.
    func backfillState(_ table: String) async throws -> BSONDocument? {
        // The one that the pipeline began with stays in the state when it is finished.
        guard let state = try await tableState(table)?["backfill"]?.asDocument, state["cause"]?.asString != "first"
        else { return nil }
        return state
    }

    func sweep(_ table: String) async throws -> BSONDocument? {
        try await backfillState(table)?["sweep"]?.asDocument
    }

    /// Notes that rows have to be read again.
    func haveReadAgain(_ keys: ClosedRange<Int32>, in collection: String) async throws {
        let notes = keys.map { key -> BSONValue in
            [
                "_id": ["pipeline": .string(name), "collection": .string(collection), "key": .int32(key)],
                "schema_version": 1,
            ]
        }
        try await inspector.command(["insert": "rereads", "documents": .array(notes)], on: stateDatabase)
    }

    /// How many there are.
    func rowsToReadAgain() async throws -> Int { try await inspector.documents("rereads", on: stateDatabase).count }

    /// What somebody does to documents: some changed, some deleted, and some that have no row.
    func damage(_ table: String = "items", extra: ClosedRange<Int>) async throws {
        try await inspector.command([
            "update": .string(table),
            "updates": [["q": ["_id": ["$mod": [7, 0]]], "u": ["$set": ["name": "damaged"]], "multi": true]],
        ])
        try await inspector.command([
            "delete": .string(table), "deletes": [["q": ["_id": ["$mod": [11, 3]]], "limit": 0]],
        ])
        for start in stride(from: extra.lowerBound, through: extra.upperBound, by: 10_000) {
            try await inspector.insert(
                (start...min(start + 9999, extra.upperBound)).map { ["_id": .int64(Int64($0)), "name": "extra"] },
                into: table)
        }
    }
}
