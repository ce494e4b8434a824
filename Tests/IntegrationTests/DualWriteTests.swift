import BSON
import DevServers
import Foundation
import Model
import TestSupport
import Testing

/// An application writes both databases itself while Wherry fills and follows: nothing it has written later is
/// overwritten by what was there before, and in the end nothing of the source is missing.
@Suite(.onBusyServers) struct DualWriteTests {
    private static let rows = 12_000
    private static let drafts: Int64 = 3000

    @Test(arguments: ["live", "exported"]) func nothingGoesBackAndNothingIsLost(mode: String) async throws {
        let fixture = try await PipelineFixture("dual")
        let application = DualWriter(fixture, rows: Self.rows, seed: 21)
        try await makeTables(fixture, application)
        let planted = try await plant(fixture)
        let arguments = ["--config", try configure(fixture, "mode: \(mode)", Self.guarded), "--adopt"]
        var written: [Int64: BSONDocument] = [:]
        let violations = try await VersionWatcher.watching(
            fixture, collections: ["items", "sketches"], field: "updated_at", filter: DualWriter.keptKeys
        ) { looks in
            written = try await application.working {
                try await drafting(fixture, from: planted) {
                    if mode == "live" { try await killInBackfill(fixture, arguments) }
                    let wherry = try fixture.wherry(arguments)
                    try await wherry.waitForLine("every row is there") {
                        $0.message == (mode == "live" ? "backfill finished" : "initial copy finished")
                    }
                    try await looks(5)
                    try await fixture.waitUntilCaughtUp(wherry)
                    #expect(try await wherry.terminate().code == 0)
                }
            }
            try await fixture.catchUp(arguments: arguments)
        }
        #expect(violations == [] && written.count > 200)
        #expect(try await fixture.compare(excluding: ["drafts"]) == [])
        try await expectSketches(fixture, written: written)
    }

    /// Why rows of tables that were whole are read again.
    enum Cause: CaseIterable, Sendable { case asked, gap }

    /// The application has come after the pipeline. What it writes while every row is read again is kept; what was
    /// missing comes; and where it writes only documents, it is believed unless the source has lost changes.
    @Test(arguments: Cause.allCases) func readAgainNothingGoesBack(_ cause: Cause) async throws {
        let fixture = try await PipelineFixture("dualagain")
        let application = DualWriter(fixture, rows: Self.rows, seed: 23)
        try await makeTables(fixture, application)
        try await fixture.sql(
            "INSERT INTO public.items SELECT g, nextval('public.versions') FROM generate_series(2000001, 2000050) g")
        let plain = "items: { from: public.items }\n  sketches: { from: public.drafts }"
        try await fixture.catchUp(arguments: ["--config", try configure(fixture, "mode: live", plain)])
        let arguments = ["--config", try configure(fixture, "max_rows_per_second: 5000", Self.guarded)]
        try await damage(fixture)
        let planted = try await plant(fixture)
        try await want(cause, fixture, arguments)
        var written: [Int64: BSONDocument] = [:]
        let violations = try await VersionWatcher.watching(
            fixture, collections: cause == .asked ? ["items", "sketches"] : ["items"], field: "updated_at",
            filter: DualWriter.keptKeys
        ) { looks in
            written = try await application.working {
                try await drafting(fixture, from: planted, isIdle: cause == .gap) {
                    let wherry = try fixture.wherry(arguments + (cause == .gap ? ["--accept-gap"] : []))
                    try await wherry.waitForLine("every row is there") { $0.message == "backfill finished" }
                    try await looks(5)
                    try await fixture.waitUntilCaughtUp(wherry)
                    #expect(try await wherry.terminate().code == 0)
                }
            }
            try await fixture.catchUp(arguments: arguments)
        }
        #expect(violations == [])
        for table in ["items", "drafts"] {
            #expect(try await fixture.backfillState(table)?["cause"] == .string("\(cause)"))
        }
        try await expectSketches(fixture, written: cause == .gap ? [:] : written)
        try await expectOwnItems(fixture, arguments)
    }

    /// Documents of `items` are missing, some are newer than their rows, and some never had a row. Of `sketches` none
    /// is left.
    private func damage(_ fixture: PipelineFixture) async throws {
        try await fixture.inspector.command([
            "delete": "items",
            "deletes": [["q": ["$or": [["_id": ["$mod": [11, 3]]], ["_id": ["$gt": 2_000_000]]]], "limit": 0]],
        ])
        try await fixture.inspector.command(["delete": "sketches", "deletes": [["q": [:], "limit": 0]]])
        try await fixture.inspector.insert(
            (2_000_001...2_000_050).map {
                ["_id": .int64($0), "note": "ahead", "updated_at": .date(4_102_444_800_000)]
            }, into: "items")
        try await fixture.inspector.insert(
            (-50 ... -1).map { ["_id": .int64($0), "note": "no row", "updated_at": .date(946_684_800_000)] },
            into: "items")
    }

    /// Asks for the backfills, or leaves a gap that makes them necessary.
    private func want(_ cause: Cause, _ fixture: PipelineFixture, _ arguments: [String]) async throws {
        switch cause {
        case .asked:
            // The file says whose documents they are.
            _ = try await fixture.backfillRefused("items", code: 78, ["with a section 'collections'"])
            for table in ["items", "drafts"] {
                let asked = try fixture.command(
                    ["backfill", "public.\(table)", "--json"] + fixture.connectionWords + arguments)
                #expect(try await asked.end().code == 0, "\(asked.tail)")
                #expect(asked.output.contains("\"removes_gone\" : false") && asked.output.contains("an application"))
            }
        case .gap:
            try await fixture.sql("SELECT pg_drop_replication_slot($1)", ["wherry_\(fixture.name)"])
            try await fixture.sql("UPDATE public.items SET note = 'lost' WHERE id % 13 = 5 AND id <= \(Self.rows)")
        }
    }

    /// What the application alone knows of is as it was; without it everything is as the source says.
    private func expectOwnItems(_ fixture: PipelineFixture, _ arguments: [String]) async throws {
        for (note, keys) in [("ahead", ["$gt": 2_000_000]), ("no row", ["$lt": 0])] as [(BSONValue, BSONValue)] {
            let found = try await fixture.inspector.documents("items", filter: ["_id": keys])
            #expect(found.count == 50 && found.allSatisfy { $0["note"] == note }, "\(found.prefix(3))")
        }
        try await fixture.inspector.command(["delete": "items", "deletes": [["q": ["_id": ["$lt": 0]], "limit": 0]]])
        try await fixture.sql("DELETE FROM public.items WHERE id > 2000000")
        try await fixture.catchUp(arguments: arguments)
        #expect(try await fixture.compare(excluding: ["drafts"]) == [])
    }

    private func makeTables(_ fixture: PipelineFixture, _ application: DualWriter) async throws {
        try await application.createTable()
        try await fixture.sql(
            """
            CREATE TABLE public.drafts (id bigint PRIMARY KEY, note text);
            INSERT INTO public.drafts SELECT g, 'row' FROM generate_series(1, \(Self.drafts)) g
            """)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../sql/30_last_modified.sql").standardized.path
        for table in ["public.items", "public.drafts"] {
            try await fixture.postgres.psql(file: script, database: fixture.name, variables: ["table": table])
        }
    }

    /// The application writes `items` into both databases, and of `drafts` only documents.
    private static let guarded = """
        items: { from: public.items, last_modified: updated_at, dual_write: true }
          sketches: { from: public.drafts, last_modified: updated_at }
        """

    private func configure(_ fixture: PipelineFixture, _ backfill: String, _ collections: String) throws -> String {
        let file = "\(fixture.folder)/dual.yaml"
        try Data(
            """
            backfill: { \(backfill), max_chunk_rows: 700 }
            apply: { max_batch_operations: 200 }
            collections:
              \(collections)
            """.utf8
        ).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// Documents from before the pipeline: newer than their rows, older, and without a moment.
    ///
    /// - Returns: those that stay as they are.
    private func plant(_ fixture: PipelineFixture) async throws -> [Int64: BSONDocument] {
        var kept: [Int64: BSONDocument] = [:]
        var documents: [BSONDocument] = []
        for id in stride(from: Int64(1), through: Self.drafts, by: 30) {
            let newer = draft(id)
            kept[id] = newer
            documents += [
                newer, ["_id": .int64(id + 1), "note": "old", "updated_at": .date(946_684_800_000)],
                ["_id": .int64(id + 2), "note": "old", "updated_at": "2999-01-01"], ["_id": .int64(id + 3)],
            ]
        }
        try await fixture.inspector.insert(documents, into: "sketches")
        return kept
    }

    private func draft(_ id: Int64) -> BSONDocument {
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        return ["_id": .int64(id), "note": "written by the application", "updated_at": .date(now)]
    }

    /// Writes drafts, two hundred a second, while `body` runs.
    ///
    /// - Parameter isIdle: writes none.
    /// - Returns: what was written last.
    private func drafting(
        _ fixture: PipelineFixture, from planted: [Int64: BSONDocument], isIdle: Bool = false,
        during body: () async throws -> Void
    ) async throws -> [Int64: BSONDocument] {
        if isIdle {
            try await body()
            return planted
        }
        let inspector = try MongoInspector(uri: fixture.targetURI)
        return try await withThrowingTaskGroup(of: [Int64: BSONDocument].self) { group in
            group.addTask {
                var written = planted
                var generator = SeededGenerator(seed: 22)
                while !Task.isCancelled {
                    // Half of them on the same few documents.
                    let last = generator.chance(50) ? 100 : Self.drafts
                    let id = Int64.random(in: 1...last, using: &generator)
                    let document = draft(id)
                    try await inspector.command([
                        "update": "sketches",
                        "updates": [["q": ["_id": .int64(id)], "u": .document(document), "upsert": true]],
                    ])
                    written[id] = document
                    try? await Task.sleep(for: .milliseconds(5))
                }
                return written
            }
            defer { group.cancelAll() }
            try await body()
            group.cancelAll()
            return try await group.next() ?? [:]
        }
    }

    /// In the middle of its chunks, some of which are written in part.
    private func killInBackfill(_ fixture: PipelineFixture, _ arguments: [String]) async throws {
        let wherry = try fixture.wherry(arguments)
        try await fixture.waitUntil("rows are read", wherry) {
            try await fixture.tableState("items")?["backfill"]?.asDocument?["rows"]?.asInt ?? 0 > 0
        }
        try await wherry.kill()
        #expect(!wherry.log.contains("backfill finished"), "too fast to say anything")
    }

    /// What the application has written is newer than every row; all others are as the rows.
    private func expectSketches(_ fixture: PipelineFixture, written: [Int64: BSONDocument]) async throws {
        let found = try await fixture.inspector.documents("sketches")
        #expect(found.count == Int(Self.drafts))
        let lost = found.filter { document in
            guard let id = document["_id"]?.asInt64 else { return true }
            if let own = written[id] { return document != own }
            return document["note"] != "row" || document["updated_at"]?.asDate == nil
        }
        #expect(lost.isEmpty, "\(lost.count): \(lost.prefix(3).map { "\($0)" })")
    }
}
