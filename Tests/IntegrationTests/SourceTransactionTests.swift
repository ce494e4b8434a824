import BSON
import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// A source transaction is seen whole or not at all.
@Suite(.onServers) struct SourceTransactionTests {
    private static let rows = 50

    @Test func snapshotReadersSeeWholeTransactions() async throws {
        let fixture = try await PipelineFixture("whole")
        try await createAccounts(fixture)
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry)
        var sums: Set<Int64> = []
        var reads = 0
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 1...3 { group.addTask { try await transfer(fixture, seed: UInt64(seed)) } }
            var moved: Set<BSONValue> = []
            try await fixture.waitUntil("40 reads have seen 20 states", wherry) {
                let seen = try await total(fixture)
                sums.insert(seen.sum)
                moved.insert(.int64(seen.moves))
                reads += 1
                return reads >= 40 && moved.count >= 20
            }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(sums == [Int64(2 * Self.rows * 1000)])
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare() == [])
        #expect(try await wherry.terminate().code == 0)
    }

    @Test func aTransactionLargerThanABatchIsSplitAndCounted() async throws {
        let fixture = try await PipelineFixture("split")
        try await Workload.createTables(fixture, rows: 350)
        let limits = BatchSizes(operations: 100)
        try await fixture.catchUp(limits: limits)
        #expect(try await splits(fixture) == 0)
        try await fixture.sql("UPDATE public.items SET version = nextval('public.versions') WHERE id <= 50")
        try await fixture.catchUp(limits: limits)
        #expect(try await splits(fixture) == 0)
        try await fixture.sql("UPDATE public.items SET version = nextval('public.versions')")
        try await fixture.sql("UPDATE public.items SET id = id + 1000, version = nextval('public.versions')")
        try await fixture.catchUp(limits: limits)
        #expect(try await splits(fixture) == 2)
        #expect(try await fixture.compare() == [])
    }

    private func splits(_ fixture: PipelineFixture) async throws -> Int64? {
        try await fixture.state()?["statistics"]?.asDocument?["split_transactions"]?.asInt64
    }

    private func createAccounts(_ fixture: PipelineFixture) async throws {
        for table in ["savings", "checking"] {
            try await fixture.sql(
                """
                CREATE TABLE public.\(table) (id integer PRIMARY KEY, balance bigint NOT NULL, moves bigint NOT NULL);
                INSERT INTO public.\(table) SELECT g, 1000, 0 FROM generate_series(1, \(Self.rows)) g;
                """)
        }
    }

    /// Moves money between two rows of the two tables, again and again.
    private func transfer(_ fixture: PipelineFixture, seed: UInt64) async throws {
        let session = try await fixture.connect()
        var generator = SeededGenerator(seed: seed)
        while !Task.isCancelled {
            let rows = (0..<2).map { _ in Int.random(in: 1...Self.rows, using: &generator) }
            let amount = Int.random(in: 1...100, using: &generator)
            do {
                try await session.query(
                    """
                    UPDATE public.savings SET balance = balance - \(amount), moves = moves + 1 WHERE id = \(rows[0]);
                    UPDATE public.checking SET balance = balance + \(amount), moves = moves + 1 WHERE id = \(rows[1]);
                    """)
                try await Task.sleep(for: .milliseconds(2))
            } catch is CancellationError {
                break
            }
        }
        await session.close()
    }

    private func total(_ fixture: PipelineFixture) async throws -> (sum: Int64, moves: Int64) {
        let sums: BSONValue = ["$group": ["_id": 0, "sum": ["$sum": "$balance"], "moves": ["$sum": "$moves"]]]
        let again: BSONValue = ["$group": ["_id": 0, "sum": ["$sum": "$sum"], "moves": ["$sum": "$moves"]]]
        let reply = try await fixture.inspector.command(
            [
                "aggregate": "savings",
                "pipeline": [sums, ["$unionWith": ["coll": "checking", "pipeline": [sums]]], again],
                "cursor": ["batchSize": 10], "readConcern": ["level": "snapshot"],
            ])
        let document = reply["cursor"]?.asDocument?["firstBatch"]?.asArray?.first?.asDocument
        return (document?["sum"]?.asInt64 ?? -1, document?["moves"]?.asInt64 ?? -1)
    }
}
