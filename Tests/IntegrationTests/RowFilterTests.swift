import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// `source.row_filters`: the source leaves rows out, and the documents are the same.
@Suite(.onServers) struct RowFilterTests {
    /// A table with an identity of its own, and one with a whole one.
    private func fixture(_ prefix: String) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        for (name, identity) in [("items", "USING INDEX items_state"), ("wholes", "FULL")] {
            try await fixture.sql(
                """
                CREATE TABLE public.\(name) (id integer PRIMARY KEY, state text NOT NULL, n integer NOT NULL, big text);
                ALTER TABLE public.\(name) ALTER big SET STORAGE EXTERNAL;
                CREATE UNIQUE INDEX \(name)_state ON public.\(name) (id, state);
                ALTER TABLE public.\(name) REPLICA IDENTITY \(identity);
                INSERT INTO public.\(name)
                    SELECT g, CASE WHEN g % 2 = 0 THEN 'open' ELSE 'gone' END, g, repeat(md5(g::text), 200)
                    FROM generate_series(1, 60) g;
                """)
        }
        return fixture
    }

    private func configure(
        _ fixture: PipelineFixture, _ condition: String = "state <> 'gone'", filters: Bool = true
    ) throws -> [String] {
        let file = "\(fixture.folder)/\(uniqueName("filter")).yaml"
        let text = """
            source: { row_filters: \(filters) }
            collections:
              items: { from: public.items, where: "\(condition)" }
              wholes: { from: public.wholes, where: "\(condition) AND n >= 0" }

            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return ["--config", file]
    }

    /// The publication's filters, by table.
    private func filters(_ fixture: PipelineFixture) async throws -> [String: String] {
        let answer = try await fixture.sql(
            "SELECT tablename, rowfilter FROM pg_publication_tables WHERE pubname = $1 AND rowfilter IS NOT NULL",
            ["wherry_\(fixture.name)"])
        return Dictionary(uniqueKeysWithValues: answer.rows.map { ($0[0]!, $0[1]!) })
    }

    private func expect(
        _ fixture: PipelineFixture, _ condition: String = "state <> 'gone'", database: String? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let inspector = try MongoInspector(uri: fixture.mongo.uri(database: database ?? fixture.name))
        for (table, more) in [("items", ""), ("wholes", " AND n >= 0")] {
            let rows = try await fixture.sql("SELECT id, state, n, big FROM public.\(table) WHERE \(condition)\(more)")
            let expected = Dictionary(uniqueKeysWithValues: rows.rows.map { ($0[0], $0) })
            let documents = try await inspector.documents(table).map { document in
                [document["_id"], document["state"], document["n"], document["big"]].map { value in
                    value?.asString ?? value?.asInt64.map { "\($0)" }
                }
            }
            let found = Dictionary(uniqueKeysWithValues: documents.map { ($0[0], $0) })
            let others = Set(expected.keys).union(found.keys).filter { expected[$0] != found[$0] }
            #expect(others.isEmpty, "\(table)", sourceLocation: location)
        }
    }

    /// Rows enter, leave, change keys, with large values that aren't sent.
    private func work(_ fixture: PipelineFixture, _ generator: inout SeededGenerator, rounds: Int) async throws {
        for _ in 0..<rounds {
            let table = Bool.random(using: &generator) ? "items" : "wholes"
            let id = Int.random(in: 1...90, using: &generator)
            let state = ["'open'", "'gone'", "'new'"].randomElement(using: &generator)!
            let other = Int.random(in: 1...90, using: &generator)
            let big = "repeat(md5('\(UInt32.random(in: 0...UInt32.max, using: &generator))'), 200)"
            let statement =
                switch Int.random(in: 0...9, using: &generator) {
                case 0, 1:
                    "INSERT INTO public.\(table) VALUES (\(id), \(state), \(other - 5), \(big)) ON CONFLICT DO NOTHING"
                case 2, 3, 4: "UPDATE public.\(table) SET state = \(state) WHERE id BETWEEN \(id) AND \(id + 3)"
                case 5: "UPDATE public.\(table) SET n = \(other - 5), state = \(state) WHERE id = \(id)"
                case 6: "UPDATE public.\(table) SET n = n + 1 WHERE id % 7 = \(id % 7)"
                case 7:
                    "UPDATE public.\(table) SET id = \(other), state = \(state) WHERE id = \(id) AND NOT EXISTS "
                        + "(SELECT FROM public.\(table) WHERE id = \(other))"
                case 8: "UPDATE public.\(table) SET big = \(big) WHERE id = \(id)"
                default: "DELETE FROM public.\(table) WHERE id = \(id)"
                }
            try await fixture.sql(statement)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theDocumentsAreTheSameWithAndWithout(_ seed: UInt64) async throws {
        let fixture = try await fixture("filtered")
        let other = uniqueName("unfiltered")
        let plain =
            [
                "run", "--until-caught-up", "--source", fixture.sourceURI, "--target",
                fixture.mongo.uri(database: other), "--pipeline", other, "--state-database", fixture.stateDatabase,
                "--log-format", "json",
            ] + (try configure(fixture, filters: false))
        func catchUpWithout() async throws {
            let run = try fixture.command(plain)
            #expect(try await run.end().code == 0, "\(run.tail)")
        }
        var generator = SeededGenerator(seed: seed)
        let file = try configure(fixture)
        try await catchUpWithout()
        var run = try fixture.wherry(file)
        try await work(fixture, &generator, rounds: 150)
        try await fixture.waitUntilCaughtUp(run)
        #expect(try await filters(fixture).keys.sorted() == ["items", "wholes"])
        try await expect(fixture)
        try await work(fixture, &generator, rounds: 60)
        try await run.kill()
        try await work(fixture, &generator, rounds: 60)
        try await fixture.sql("TRUNCATE public.wholes")
        run = try fixture.wherry(file)
        try await work(fixture, &generator, rounds: 150)
        try await fixture.waitUntilCaughtUp(run)
        try await run.terminate()
        try await catchUpWithout()
        try await expect(fixture)
        try await expect(fixture, database: other)
        let drop = try fixture.command(
            [
                "drop", other, "--yes", "--source", fixture.sourceURI, "--target", fixture.mongo.uri(database: other),
                "--state-database", fixture.stateDatabase,
            ])
        #expect(try await drop.end().code == 0, "\(drop.tail)")
    }

    /// What the old filter has left out comes with the rows that are read again.
    @Test func anotherConditionUnderLoad() async throws {
        let fixture = try await fixture("refilter")
        let before = try configure(fixture)
        try await fixture.catchUp(arguments: before)
        try await fixture.catchUp(arguments: before)
        #expect(try await filters(fixture)["items"]?.contains("gone") == true)
        let after = try configure(fixture, "state <> 'open'")
        var generator = SeededGenerator(seed: 4)
        try await work(fixture, &generator, rounds: 60)
        try await fixture.refused(78, "the mapping of table public.items is not the one", arguments: after)
        // A transaction that has written before the filter goes, and ends after.
        let open = try await fixture.connect()
        try await open.query("BEGIN; INSERT INTO public.items VALUES (1000, 'gone', 1, 'x'), (1001, 'open', 1, 'x')")
        let run = try fixture.wherry(after + ["--accept-mapping-change"])
        try await work(fixture, &generator, rounds: 100)
        try await fixture.waitUntil("the filter is gone", run) { try await filters(fixture).isEmpty }
        try await open.query("COMMIT")
        await open.close()
        try await work(fixture, &generator, rounds: 100)
        try await fixture.waitUntilCaughtUp(run)
        try await run.terminate()
        try await expect(fixture, "state <> 'open'")
        try await fixture.catchUp(arguments: after)
        #expect(try await filters(fixture)["items"]?.contains("open") == true)
        try await work(fixture, &generator, rounds: 100)
        try await fixture.catchUp(arguments: after)
        try await expect(fixture, "state <> 'open'")
    }

    @Test func aFilterOfSomebodyElse() async throws {
        let fixture = try await fixture("foreign")
        let file = try configure(fixture)
        try await fixture.catchUp(arguments: file)
        let publication = "wherry_\(fixture.name)"
        try await fixture.sql(
            "ALTER PUBLICATION \(publication) SET TABLE ONLY public.items WHERE (id > 5), ONLY public.wholes")
        let refusal = try await fixture.refused(78, "it filters rows", arguments: file)
        let check = try fixture.command(["check"] + fixture.connectionWords + file)
        #expect(try await check.end().code == 78 && check.output.contains("it filters rows"))
        let statement = try #require(refusal.hint.split(separator: "run: ").last?.split(separator: ";").first)
        try await fixture.sql(String(statement))
        try await fixture.sql("UPDATE public.items SET state = 'new' WHERE id = 1")
        try await fixture.catchUp(arguments: file)
        #expect(try await filters(fixture).count == 2)
        // And it goes with the setting.
        try await fixture.catchUp(arguments: try configure(fixture, filters: false))
        #expect(try await filters(fixture).isEmpty)
        try await expect(fixture)
    }

    /// The source refuses to update the table then, until the filter is gone.
    @Test func aReplicaIdentityThatChanges() async throws {
        let fixture = try await fixture("identity")
        let file = try configure(fixture)
        try await fixture.catchUp(arguments: file)
        try await fixture.sql("ALTER TABLE public.items REPLICA IDENTITY DEFAULT")
        let update = "UPDATE public.items SET state = 'new' WHERE id = 1"
        await #expect(throws: Failure.self) { try await fixture.sql(update) }
        let check = try fixture.command(["check"] + fixture.connectionWords + file)
        #expect(try await check.end().code == 78)
        #expect(check.output.contains("the source refuses UPDATE and DELETE on public.items"), "\(check.output)")
        let run = try fixture.wherry(file)
        try await fixture.waitUntil("the filter is gone", run) {
            try await filters(fixture).keys.sorted() == ["wholes"]
        }
        try await fixture.sql(update)
        // Beside the stream the worker sees to it, too.
        try await fixture.waitUntilCaughtUp(run)
        try await fixture.sql("ALTER TABLE public.wholes REPLICA IDENTITY DEFAULT")
        try await fixture.waitUntil("the other one is gone too", run) { try await filters(fixture).isEmpty }
        try await fixture.sql("UPDATE public.wholes SET state = 'new' WHERE id = 1")
        try await fixture.waitUntilCaughtUp(run)
        try await run.terminate()
        try await expect(fixture)
    }
}
