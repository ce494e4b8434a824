import BSON
import DevServers
import Foundation
import TestSupport
import Testing

/// Indexes of the configuration, on real servers.
@Suite(.onServers) struct IndexesTests {
    private static let indexes = """
        collections:
          items:
            from: public.items
            indexes:
              by_name: { keys: [name, -quantity] }
              by_version: { keys: [version], unique: true }
          pairs:
            from: public.pairs
            indexes: { by_code: { keys: [_id.code] } }

        """

    private func configuration(_ fixture: PipelineFixture, _ text: String) throws -> [String] {
        let file = "\(fixture.folder)/indexes.yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return ["--config", file]
    }

    private func names(_ collection: String, _ fixture: PipelineFixture) async throws -> [String] {
        let reply = try await fixture.inspector.command(["listIndexes": .string(collection)])
        let found = reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []
        return found.compactMap { $0.asDocument?["name"]?.asString }.sorted()
    }

    /// Behind the rows, and before "caught up".
    @Test(arguments: ["live", "exported"]) func areMadeBehindTheRows(_ mode: String) async throws {
        let fixture = try await PipelineFixture("indexes")
        try await Workload.createTables(fixture, rows: 500)
        let words = try configuration(fixture, Self.indexes + "backfill: { mode: \(mode) }\n")
        let run = try await fixture.catchUp(arguments: words)
        #expect(try await names("items", fixture) == ["_id_", "by_name", "by_version"])
        #expect(try await names("pairs", fixture) == ["_id_", "by_code"])
        let made = run.logLines.filter { $0.message == "index made" }
        #expect(made.map { $0["index"] } == ["by_name", "by_version", "by_code"])
        #expect(try await fixture.compare() == [])
        // What is missing at a later start is made, and nothing else.
        try await fixture.inspector.command(["dropIndexes": "items", "index": "by_name"])
        let again = try await fixture.catchUp(arguments: words)
        #expect(again.logLines.filter { $0.message == "index made" }.map { $0["index"] } == ["by_name"])
    }

    /// The copy without a slot ends with them.
    @Test func areMadeBySnapshots() async throws {
        let fixture = try await PipelineFixture("indexsnap")
        try await Workload.createTables(fixture, rows: 200)
        let copy = try await fixture.snapshot(["--no-slot"] + configuration(fixture, Self.indexes))
        #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
        #expect(try await names("items", fixture) == ["_id_", "by_name", "by_version"])
    }

    /// Neither a restart of the stream nor a stop ends a build: the server makes it once.
    @Test func aBuildOutlivesTheStreamAndTheProgram() async throws {
        try await PipelineFixture.withOwnServers("indexstop") { fixture in
            try await Workload.createTables(fixture, rows: 500)
            let words = try configuration(fixture, Self.indexes)
            try await holdBuilds(true, fixture)
            let run = try fixture.wherry(words)
            try await waitUntil("an index is being made", within: .seconds(60)) {
                try await build(fixture) != nil
            }
            let begun = try await build(fixture)
            let backfill = try fixture.command(
                ["backfill", "public.pairs"] + fixture.connectionWords + words)
            #expect(try await backfill.end().code == 0, "\(backfill.tail)")
            try await waitUntil("the second stream waits for it", within: .seconds(60)) {
                let lines = run.logLines.map(\.message)
                let streams = lines.indices.filter { lines[$0] == "streaming" && run.logLines[$0]["from"] != nil }
                return streams.count > 1 && lines[streams[1]...].contains("making an index")
            }
            #expect(try await build(fixture) == begun)
            #expect(try await run.terminate().code == 0, "\(run.tail)")
            #expect(try await build(fixture) == begun)
            try await holdBuilds(false, fixture)
            try await waitUntil("the index is there", within: .seconds(60)) {
                try await names("items", fixture).contains("by_name")
            }
            let rest = try await fixture.catchUp(arguments: words)
            let made = rest.logLines.filter { $0.message == "index made" }
            #expect(made.map { $0["index"] } == ["by_version", "by_code"])
        }
    }

    private func holdBuilds(_ holds: Bool, _ fixture: PipelineFixture) async throws {
        try await fixture.inspector.command(
            ["configureFailPoint": "hangAfterStartingIndexBuild", "mode": holds ? "alwaysOn" : "off"], on: "admin")
    }

    /// Of the index that is being made for items.
    private func build(_ fixture: PipelineFixture) async throws -> BSONValue? {
        guard
            let reply = try? await fixture.inspector.command(
                ["listIndexes": "items", "cursor": [:], "includeBuildUUIDs": true])
        else { return nil }
        let found = reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []
        return found.compactMap { $0.asDocument?["buildUUID"] }.first
    }

    /// One that documents refuse stops neither the stream nor the others.
    @Test func oneThatCannotBeMadeStopsNothing() async throws {
        let fixture = try await PipelineFixture("indexbad")
        try await fixture.sql(
            """
            CREATE TABLE public.items (id integer PRIMARY KEY, kind text);
            INSERT INTO public.items SELECT g, 'secret' FROM generate_series(1, 100) g;
            """)
        let words = try configuration(
            fixture,
            """
            collections:
              items:
                from: public.items
                indexes: { by_kind: { keys: [kind], unique: true }, other: { keys: [kind, _id] } }
            """)
        let check = try fixture.command(["check"] + fixture.connectionWords + words)
        #expect(try await check.end().code == 0, "\(check.tail)")
        #expect(check.output.contains("unique index by_kind of collection items may refuse"))
        let run = try await fixture.catchUp(arguments: words)
        let line = try #require(run.logLines.first { $0.message == "an index can't be made" })
        #expect(line["index"] == "by_kind" && line["reason"]?.contains("the same values") == true)
        #expect(!run.log.contains("secret"))
        #expect(try await names("items", fixture) == ["_id_", "other"])
        try await fixture.sql("UPDATE public.items SET kind = 'k' || id")
        // While the stream brings that, the index may be tried once more in vain.
        try await fixture.catchUp(arguments: words)
        try await fixture.catchUp(arguments: words)
        #expect(try await names("items", fixture) == ["_id_", "by_kind", "other"])
        #expect(try await fixture.compare() == [])
    }
}
