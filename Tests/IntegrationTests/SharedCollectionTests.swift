import BSON
import DevServers
import Model
import TestSupport
import Testing

/// Several tables in one collection, each with a discriminator.
@Suite(.onBusyServers) struct SharedCollectionTests {
    private func file(
        _ fixture: PipelineFixture, _ tables: [String] = ["items", "pairs"], more: String = ""
    ) throws -> [String] {
        let entries = tables.map { "  \($0): { from: public.\($0), into: things, discriminator: { kind: \($0) } }" }
        return try fixture.configuration(
            "collections:\n" + entries.joined(separator: "\n") + "\n" + more)
    }

    private func tables(
        _ prefix: String, rows: Int, plugin: OutputPlugin = .underTest
    ) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix, plugin: plugin)
        try await Workload.createTables(fixture, rows: rows)
        // The same keys as in the other table, as far as its columns go.
        try await fixture.sql(
            """
            INSERT INTO public.pairs SELECT g % 7, 'code ' || g, nextval('public.versions'), 'body', g / 3.0, NULL, NULL,
                CASE WHEN g % 5 = 0 THEN repeat(md5(g::text), 200) END
            FROM generate_series(1, \(rows)) g;
            """)
        return fixture
    }

    /// Random work on both, with changes of keys and large values left alone; now one is truncated, now the other; the
    /// program is killed in copy, backfill and stream.
    @Test(arguments: [("live", OutputPlugin.pgoutput), ("exported", .pgoutput), ("live", .wal2json)])
    func everyRowArrivesOverTruncationsAndKills(mode: String, plugin: OutputPlugin) async throws {
        let fixture = try await tables("shared", rows: 6000, plugin: plugin)
        let file = try file(
            fixture,
            more: """
                backfill: { mode: \(mode), max_chunk_rows: 50 }
                apply: { max_batch_operations: 150 }
                """)
        var generator = SeededGenerator(seed: 61)
        let workload = Workload(fixture, seed: 61)
        try await workload.working {
            for round in 1...8 {
                let wherry = try fixture.wherry(file)
                try await wherry.waitForLine("it has begun") { $0.message == "starting" }
                try await Task.sleep(for: .milliseconds(Int.random(in: 300...1500, using: &generator)))
                let table = round % 2 == 0 ? "pairs" : "items"
                if round > 1 {
                    try await fixture.sql(
                        """
                        TRUNCATE public.\(table);
                        INSERT INTO public.pairs (tenant, code, version, body)
                        SELECT 100 + \(round), 'after ' || g, nextval('public.versions'), 'new'
                        FROM generate_series(1, 300) g;
                        """)
                }
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &generator)))
                try await wherry.kill()
            }
        }
        try await fixture.catchUp(arguments: file)
        #expect(try await fixture.compare(in: "things") == [])
        #expect(try await fixture.inspector.count("things") > 0)
    }

    /// A truncation with thousands of rows of the other table beside it, whose backfill is under way.
    @Test func aTruncationLeavesTheRowsAloneThatAreReadOfTheOther() async throws {
        let fixture = try await tables("sharetrunc", rows: 20_000)
        let file = try file(fixture, more: "backfill: { max_chunk_rows: 20, max_rows_per_second: 6000 }")
        let wherry = try fixture.wherry(file)
        for _ in 1...12 {
            try await fixture.waitUntil("some are there", wherry) { try await fixture.inspector.count("things") > 100 }
            try await fixture.sql(
                """
                TRUNCATE public.pairs;
                INSERT INTO public.pairs (tenant, code, version) SELECT 1, 'x' || g, 1 FROM generate_series(1, 50) g;
                """)
            try await Task.sleep(for: .milliseconds(150))
        }
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare(in: "things") == [])
        #expect(try await fixture.inspector.documents("things", filter: ["kind": "items"]).count == 20_000)
        #expect(try await wherry.terminate().code == 0)
    }

    /// Reading one again mends its own documents, and removes its own that have no row.
    @Test func aBackfillOfOneKnowsItsOwn() async throws {
        let fixture = try await tables("shareagain", rows: 500)
        let file = try file(fixture)
        try await fixture.catchUp(arguments: file)
        let strangers: [BSONDocument] = [
            ["_id": "somebody's", "n": 1], ["_id": ["kind": "item", "id": 1]], ["_id": ["kind": "itemss", "id": 1]],
            ["_id": ["kind": "pairs", "tenant": 900, "code": "gone"], "kind": "pairs"],
        ]
        let gone = (1...1500).map { id -> BSONDocument in
            ["_id": ["kind": "items", "id": .int64(900_000 + Int64(id))], "kind": "items"]
        }
        try await fixture.inspector.insert(strangers + gone, into: "things")
        for kind in ["items", "pairs"] {
            try await fixture.inspector.command([
                "update": "things",
                "updates": [["q": ["kind": .string(kind)], "u": ["$set": ["version": 0]], "multi": true]],
            ])
        }
        let wherry = try fixture.wherry(file)
        try await fixture.waitUntilCaughtUp(wherry)
        let asked = try fixture.command(
            ["backfill", "public.items", "--wait", "--json"] + fixture.connectionWords + file)
        try await asked.end(within: .seconds(120))
        #expect(
            asked.child.exitStatus?.code == 0 && asked.output.contains("\"documents_removed\" : 1500"), "\(asked.tail)")
        #expect(try await fixture.inspector.documents("things", filter: ["kind": "items"]).count == 500)
        #expect(try await fixture.inspector.documents("things", filter: ["version": 0]).count == 501)
        for stranger in strangers {
            #expect(try await fixture.inspector.document("things", stranger["_id"] ?? .null) != nil)
        }
        let others = try fixture.command(["backfill", "public.pairs", "--wait"] + fixture.connectionWords + file)
        try await others.end(within: .seconds(120))
        try await fixture.inspector.command([
            "delete": "things", "deletes": [["q": ["kind": ["$exists": false]], "limit": 0]],
        ])
        #expect(try await fixture.compare(in: "things") == [])
        #expect(try await wherry.terminate().code == 0)
    }

    /// One leaves with its documents, joins again beside those of the other, and `drop` knows its own too.
    @Test func tablesComeAndGo() async throws {
        let fixture = try await tables("sharecome", rows: 300)
        let both = try file(fixture)
        try await fixture.catchUp(arguments: try file(fixture, ["items"]))
        let wherry = try fixture.wherry(both)
        try await fixture.waitUntil("pairs have joined", wherry) { try await fixture.tableState("pairs") != nil }
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare(in: "things") == [])
        try await fixture.tables(["remove", "public.items", "--documents"] + both)
        try await fixture.waitUntil("items are gone", wherry) { try await fixture.tableState("items") == nil }
        #expect(try await fixture.inspector.documents("things", filter: ["kind": "items"]).isEmpty)
        #expect(try await fixture.compare(excluding: ["items"], in: "things") == [])
        try await fixture.sql("UPDATE public.pairs SET body = 'later'")
        try await fixture.tables(["add", "public.items"] + both)
        try await fixture.waitUntil("items are back", wherry) {
            try await fixture.tableState("items")?["backfill"] != nil
        }
        try await fixture.waitUntilCaughtUp(wherry)
        #expect(try await fixture.compare(in: "things") == [])
        let status = try fixture.command(["status", "--json"] + fixture.connectionWords + both)
        try await status.end()
        #expect(status.output.contains("\"things\""), "\(status.tail)")
        #expect(try await wherry.terminate().code == 0)
        try await fixture.inspector.insert([["_id": "somebody's"], ["_id": ["kind": "x"]]], into: "things")
        try await fixture.drop()
        #expect(try await fixture.inspector.count("things") == 2)
    }

    /// Documents that are there count where they are the table's own.
    @Test func whatIsThereAlready() async throws {
        let fixture = try await tables("shareadopt", rows: 20)
        let both = try file(fixture)
        try await fixture.inspector.insert([["_id": "somebody's"]], into: "things")
        try await fixture.inspector.insert([["_id": ["kind": "pairs", "tenant": 1, "code": "x"]]], into: "things")
        try await fixture.refused(
            78, "the target already holds documents in: things (kind: pairs)", arguments: both)
        try await fixture.inspector.command([
            "delete": "things", "deletes": [["q": ["_id.kind": "pairs"], "limit": 0]],
        ])
        try await fixture.catchUp(arguments: both)
        #expect(try await fixture.inspector.count("things") == 41)
        // The constant is in every key.
        let other = try fixture.configuration(
            """
            collections:
              items: { from: public.items, into: things, discriminator: { kind: thing } }
              pairs: { from: public.pairs, into: things, discriminator: { kind: pairs } }
            """)
        let refusal = try await fixture.refused(
            78, "table public.items has its documents in collection things (kind: items)",
            arguments: other + ["--accept-mapping-change"])
        #expect(refusal.message.contains("things (kind: thing) now"))
    }

    /// A truncation of theirs would delete what is of the others.
    @Test func twoPipelinesDoNotShare() async throws {
        let fixture = try await tables("sharetwo", rows: 20)
        let alone = try fixture.configuration("collections: { things: { from: public.items } }")
        try await fixture.catchUp(arguments: alone)
        let other = try file(fixture, ["pairs"])
        let words = fixture.connectionWords.map { $0 == fixture.name ? "\(fixture.name)_b" : $0 }
        for command in [["run", "--until-caught-up"], ["check"]] {
            let process = try fixture.command(command + words + other)
            try await process.end(within: .seconds(120))
            #expect(process.child.exitStatus?.code == 78, "\(process.tail)")
            let said = process.log + process.output
            #expect(said.contains("collection things belongs to pipeline \(fixture.name)"), "\(process.tail)")
        }
        #expect(try await fixture.inspector.count("things") == 20)
    }

    /// What of one is held back its own truncation forgets, and no other.
    @Test func heldKeysAreOneTables() async throws {
        let fixture = try await tables("sharedead", rows: 5)
        let file = try file(fixture, more: "apply: { on_refused: dead_letter }")
        let wherry = try fixture.wherry(file)
        try await fixture.waitUntilCaughtUp(wherry)
        let large = "repeat(md5('x'), 600000)"
        try await fixture.sql(
            """
            UPDATE public.items SET payload = \(large) WHERE id = 1;
            UPDATE public.pairs SET body = \(large) WHERE tenant = 1;
            """)
        try await fixture.waitUntil("both are held back", wherry) {
            try await fixture.inspector.documents("dead_letters", on: fixture.stateDatabase).count == 2
        }
        try await fixture.sql("TRUNCATE public.pairs; UPDATE public.items SET payload = NULL WHERE id = 1")
        try await fixture.waitUntilCaughtUp(wherry)
        let left = try await fixture.inspector.documents("dead_letters", on: fixture.stateDatabase)
        #expect(left.count == 2 && left.allSatisfy { $0["table"] == "items" })
        let retry = try fixture.command(["dead-letters", "retry", "--all"] + fixture.connectionWords + file)
        try await retry.end()
        try await fixture.waitUntil("nothing is held back", wherry) {
            try await fixture.inspector.documents("dead_letters", on: fixture.stateDatabase).isEmpty
        }
        #expect(try await fixture.compare(in: "things") == [])
        #expect(try await wherry.terminate().code == 0)
    }

    @Test func aCollationIsRefused() async throws {
        let fixture = try await tables("sharecoll", rows: 10)
        try await fixture.inspector.command([
            "create": "things", "collation": ["locale": "en", "numericOrdering": true],
        ])
        let message = "a collection with a collation can't be shared by discriminators: things"
        try await fixture.refused(78, message, arguments: try file(fixture))
        let check = try fixture.command(["check"] + fixture.connectionWords + (try file(fixture)))
        try await check.end()
        #expect(check.tail.contains(message), "\(check.tail)")
    }
}
