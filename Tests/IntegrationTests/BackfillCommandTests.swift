import BSON
import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// `wherry backfill` on real servers: documents that something else has damaged become what their rows are.
@Suite(.onBusyServers) struct BackfillCommandTests {
    private let small = BatchSizes(operations: 150, chunkRows: 40)

    private func copied(_ prefix: String, rows: Int) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        try await Workload.createTables(fixture, rows: rows)
        try await fixture.catchUp()
        return fixture
    }

    /// Asked for while nothing runs, made while everything moves; nothing goes back meanwhile.
    @Test func aStoppedPipelineIsRepairedUnderLoad() async throws {
        let fixture = try await copied("again", rows: 4000)
        try await fixture.damage(extra: 9_000_000...9_003_000)
        try await fixture.inspector.insert([["_id": "somebody else's"]], into: "items")
        let asked = try await fixture.backfill("items", "--json")
        #expect(asked.output.contains("\"worker_active\" : false") && asked.output.contains("\"asked\""))
        let workload = Workload(fixture, seed: 21)
        let violations = try await VersionWatcher.watching(fixture) { _ in
            try await workload.working {
                let wherry = try fixture.wherry(limits: small)
                try await wherry.waitForLine("it is finished") { $0.message == "backfill finished" }
                #expect(try await wherry.terminate().code == 0)
            }
        }
        #expect(violations == [])
        try await fixture.catchUp()
        #expect(try await fixture.sweep("items")?["removed"]?.asInt ?? 0 >= 3001)
        #expect(try await fixture.sweep("items")?["foreign"]?.asInt == 1)
        #expect(try await fixture.inspector.document("items", "somebody else's") != nil)
        try await fixture.inspector.command([
            "delete": "items", "deletes": [["q": ["_id": "somebody else's"], "limit": 1]],
        ])
        #expect(try await fixture.compare() == [])
    }

    /// The worker finds it within a second, and `--wait` sees its end.
    @Test func aRunningPipelineIsRepairedUnderLoad() async throws {
        let fixture = try await copied("againrun", rows: 6000)
        let workload = Workload(fixture, seed: 22)
        try await workload.working {
            let wherry = try fixture.wherry(limits: small)
            try await wherry.waitForLine("it streams") { $0["phase"] == "streaming" }
            try await fixture.inspector.insert(
                (9_000_000...9_000_500).map { ["_id": .int64($0), "name": "extra"] }, into: "items")
            try await fixture.inspector.command([
                "update": "pairs", "updates": [["q": [:], "u": ["$set": ["body": "damaged"]], "multi": true]],
            ])
            try await fixture.backfill("pairs")
            let items = try await fixture.backfill("items", "--wait", "--json")
            #expect(items.output.contains("\"finished\"") && items.output.contains("\"documents_removed\""))
            // More when a row's delete has come to the source and not yet to its document.
            #expect(try await fixture.sweep("items")?["removed"]?.asInt ?? 0 >= 501)
            try await fixture.waitUntil("the other one is finished", wherry) {
                try await fixture.sweep("pairs")?["is_done"] == true
            }
            #expect(try await wherry.terminate().code == 0)
        }
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    private func makeRows(_ prefix: String) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        try await fixture.sql(
            """
            CREATE TABLE public.items (id integer PRIMARY KEY, name text, size integer);
            INSERT INTO public.items SELECT g, 'n' || g, g % 10 FROM generate_series(1, 3000) g;
            """)
        try await fixture.catchUp()
        return fixture
    }

    private func names(_ fixture: PipelineFixture, _ filter: BSONDocument) async throws -> Set<String> {
        Set(try await fixture.inspector.documents("items", filter: filter).compactMap { $0["name"]?.asString })
    }

    @Test func onlyARangeOfTheKey() async throws {
        let fixture = try await makeRows("range")
        try await fixture.damage(extra: 4001...4100)
        try await fixture.inspector.insert((1...5).map { ["_id": .int32(-$0), "name": "extra"] }, into: "items")
        let asked = try await fixture.backfill("items", "--where", "id <= 1000", "--json")
        #expect(asked.output.contains("\"removes_gone\" : true") && !asked.output.contains("notice"))
        try await fixture.catchUp()
        #expect(try await fixture.inspector.documents("items", filter: ["_id": ["$lt": 0]]).isEmpty)
        #expect(try await fixture.inspector.documents("items", filter: ["_id": ["$lte": 1000]]).count == 1000)
        #expect(try await !names(fixture, ["_id": ["$lte": 1000]]).contains("damaged"))
        #expect(try await names(fixture, ["_id": ["$gt": 1000]]).contains("damaged"))
        #expect(try await fixture.inspector.documents("items", filter: ["_id": ["$gt": 4000]]).count == 100)
        try await fixture.backfill("items")
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    /// Of a row that is gone nobody knows what the condition says.
    @Test func aConditionOnAnotherColumn() async throws {
        let fixture = try await makeRows("column")
        try await fixture.damage(extra: 4001...4010)
        let refusal = try await fixture.backfillRefused(
            "items", "--where", "size >= 5", "--gone", "remove", code: 64, ["can't be removed", "beyond the key (id)"])
        #expect(refusal.hint.contains("--gone keep"))
        let asked = try await fixture.backfill("items", "--where", "size >= 5", "--json")
        #expect(asked.output.contains("\"removes_gone\" : false") && asked.output.contains("beyond the key (id)"))
        try await fixture.catchUp()
        let repaired = try await fixture.sql("SELECT name FROM public.items WHERE size >= 5").rows.compactMap { $0[0] }
        let found = try await fixture.inspector.documents("items", filter: ["size": ["$gte": 5]])
        #expect(Set(found.compactMap { $0["name"]?.asString }) == Set(repaired))
        #expect(try await names(fixture, ["size": ["$lt": 5]]).contains("damaged"))
        #expect(try await names(fixture, ["_id": ["$gt": 4000]]) == ["extra"])
    }

    @Test func documentsAreKeptWhereThatIsAsked() async throws {
        let fixture = try await makeRows("kept")
        try await fixture.damage(extra: 4001...4010)
        try await fixture.backfill("items", "--gone", "keep")
        try await fixture.catchUp()
        #expect(try await names(fixture, ["_id": ["$gt": 4000]]) == ["extra"])
        #expect(try await !names(fixture, [:]).contains("damaged"))
    }

    /// What was there before Wherry may be anybody's.
    @Test func documentsOfAnAdoptedCollectionAreKeptUnlessAsked() async throws {
        let fixture = try await PipelineFixture("adopted")
        try await fixture.makeItems()
        try await fixture.inspector.insert([["_id": 77, "name": "before"]], into: "items")
        try await fixture.catchUp(arguments: ["--adopt"])
        let asked = try await fixture.backfill("items", "--json")
        #expect(asked.output.contains("\"removes_gone\" : false") && asked.output.contains("was not empty"))
        try await fixture.catchUp()
        #expect(try await fixture.inspector.document("items", 77) != nil)
        try await fixture.backfill("items", "--gone", "remove")
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }

    /// Whoever waits is told, and goes on waiting.
    @Test func theWorkerEndsMeanwhile() async throws {
        let fixture = try await makeRows("alone")
        let first = try fixture.wherry(limits: BatchSizes(chunkRows: 10, rowsPerSecond: 50))
        try await first.waitForLine("it streams") { $0["phase"] == "streaming" }
        let waiting = try fixture.command(["backfill", "public.items", "--wait"] + fixture.connectionWords)
        try await fixture.waitUntil("rows are read", waiting) {
            try await fixture.backfillState("items")?["rows"]?.asInt ?? 0 > 0
        }
        try await first.kill()
        let line = try await waiting.waitForLine("it says so") { $0.message == "the backfill waits" }
        #expect(line["for"]?.contains("no worker is active") == true && line["for"]?.contains("wherry run") == true)
        // As slow: it must not be done before anybody looks.
        let second = try fixture.wherry(limits: BatchSizes(chunkRows: 10, rowsPerSecond: 50))
        try await waiting.waitForLine("it sees the next one") { $0.message == "a worker is active again" }
        #expect(try await second.terminate().code == 0)
        try await fixture.catchUp()
        #expect(try await waiting.end().code == 0, "\(waiting.tail)")
        #expect(waiting.output.contains("is finished"))
    }

    // MARK: - Orders

    @Test func pausedResumedAndCancelled() async throws {
        let fixture = try await copied("pause", rows: 20_000)
        let wherry = try fixture.wherry(limits: BatchSizes(operations: 150, chunkRows: 10, rowsPerSecond: 500))
        func rows() async throws -> Int { try await fixture.backfillState("items")?["rows"]?.asInt ?? 0 }
        try await fixture.backfill("items")
        try await fixture.waitUntil("rows are read", wherry) { try await rows() > 0 }
        try await fixture.backfill("items", "--pause")
        try await wherry.waitForLine("it is paused") { $0.message == "backfill paused" }
        let paused = try await rows()
        // The stream goes on, and nothing is read however often it says so.
        try await fixture.sql("UPDATE public.items SET name = 'meanwhile' WHERE id = 1")
        try await fixture.waitUntilCaughtUp(wherry, withEveryRow: false)
        #expect(try await rows() == paused && paused < 20_000)
        let status = try fixture.command(["status", "--json"] + fixture.connectionWords)
        try await status.end()
        #expect(status.output.contains("\"paused\" : true"))

        try await fixture.backfill("items", "--resume")
        try await fixture.waitUntil("it goes on", wherry) { try await rows() > paused }
        try await fixture.backfill("items", "--cancel")
        try await wherry.waitForLine("it is cancelled") { $0.message == "backfill cancelled" }
        #expect(try await fixture.tableState("items")?["backfill"] == nil)
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }

    /// Wherever it dies, the next start goes on at the chunk, or at the part of the collection it had come to.
    @Test func killedWhileReadingAndWhileRemoving() async throws {
        let fixture = try await copied("killed", rows: 6000)
        try await fixture.damage(extra: 9_000_000...9_020_000)
        try await fixture.backfill("items")
        let workload = Workload(fixture, seed: 23)
        try await workload.working {
            let reading = try fixture.wherry(limits: BatchSizes(operations: 150, chunkRows: 100, rowsPerSecond: 1000))
            try await fixture.waitUntil("rows are read", reading) {
                try await fixture.backfillState("items")?["rows"]?.asInt ?? 0 > 0
            }
            try await reading.kill()
            #expect(try await fixture.sweep("items")?["position"] == .null, "too fast to say anything")
            let read = try await fixture.backfillState("items")?["rows"]?.asInt ?? 0
            var last = 0
            for _ in 1...3 {
                let removing = try fixture.wherry(limits: BatchSizes(operations: 150, rowsPerSecond: 4000))
                try await fixture.waitUntil("documents are removed", removing) {
                    try await fixture.sweep("items")?["removed"]?.asInt ?? 0 > last
                }
                try await removing.kill()
                last = try await fixture.sweep("items")?["removed"]?.asInt ?? 0
            }
            #expect(try await fixture.sweep("items")?["is_done"] == false, "too fast to say anything")
            #expect(try await fixture.backfillState("items")?["rows"]?.asInt ?? 0 > read)
        }
        try await fixture.catchUp()
        #expect(try await fixture.sweep("items")?["removed"]?.asInt ?? 0 >= 20_001)
        #expect(try await fixture.compare() == [])
    }

    // MARK: - Given up

    /// The first backfill can be paused, but not given up: the table was never whole.
    @Test func theFirstBackfillCannotBeCancelled() async throws {
        let fixture = try await PipelineFixture("first")
        try await Workload.createTables(fixture, rows: 30_000)
        let wherry = try fixture.wherry(limits: BatchSizes(operations: 150, backfill: "live", chunkRows: 10))
        try await fixture.waitUntil("rows are read", wherry) {
            try await fixture.tableState("items")?["backfill"]?.asDocument?["rows"]?.asInt ?? 0 > 0
        }
        let refusal = try await fixture.backfillRefused("items", "--cancel", code: 64, ["not whole before its end"])
        #expect(refusal.hint.contains("--pause"))
        _ = try await fixture.backfillRefused("items", code: 75, ["under way"])
        try await fixture.backfill("items", "--pause")
        try await wherry.waitForLine("it is paused") { $0.message == "backfill paused" }
        try await wherry.kill()
        let second = try fixture.wherry(limits: BatchSizes(backfill: "live"))
        try await second.waitForLine("it still is") { $0.message == "backfill paused" }
        try await fixture.backfill("items", "--resume")
        try await second.waitForLine("it is finished") { $0.message == "backfill finished" }
        #expect(try await second.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }

    /// The stream goes on without it.
    @Test func aConditionThatFailsOnARow() async throws {
        let fixture = try await makeRows("fails")
        let wherry = try fixture.wherry()
        try await wherry.waitForLine("it streams") { $0["phase"] == "streaming" }
        let process = try await fixture.backfill("items", "--where", "1 / (id - 2500) >= 0", "--wait", expecting: 64)
        #expect(process.log.contains("given up"))
        try await wherry.waitForLine("it is ended") { $0.message == "backfill cancelled" }
        try await fixture.sql("UPDATE public.items SET name = 'on' WHERE id = 1")
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await wherry.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }
}
