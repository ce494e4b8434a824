import BSON
import DevServers
import Foundation
import Model
import TestSupport
import Testing

@testable import WherryCommand

/// `wherry init` and `wherry preview` on real servers.
@Suite(.onServers) struct DraftServerTests {
    private struct Place {
        let name = uniqueName("draft")
        let postgres: PostgresServer
        let mongo: MongoServer
        let environment: [String: String]

        init() async throws {
            postgres = try await SharedServers.shared.postgresServer()
            mongo = try await SharedServers.shared.mongoServer()
            environment = [
                "WHERRY_SOURCE": postgres.uri(database: name), "WHERRY_TARGET": mongo.uri(database: name),
                "WHERRY_STATE_DATABASE": "\(name)_state", "PATH": "/usr/bin:/bin",
            ]
            _ = try await postgres.psql("CREATE DATABASE \(name)")
            _ = try await postgres.psql(
                """
                CREATE TABLE orders (
                    tenant int, no int, state text, placed_at timestamptz, price numeric(12, 2),
                    PRIMARY KEY (tenant, no));
                CREATE UNIQUE INDEX by_price ON orders (price, tenant);
                CREATE INDEX open_ones ON orders (placed_at DESC) WHERE state = 'open';
                INSERT INTO orders SELECT 1, g, 'open', to_timestamp(g), g / 4.0 FROM generate_series(1, 9) g;
                CREATE TABLE tags ("the tag" text PRIMARY KEY, "odd $name" int);
                CREATE INDEX ON tags ("odd $name");
                INSERT INTO tags VALUES ('a,b', 1), ('c', 2);
                CREATE TABLE keyless (x int);
                CREATE TABLE parted (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
                CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10);
                CREATE TABLE high PARTITION OF parted FOR VALUES FROM (10) TO (20);
                INSERT INTO parted SELECT g, 'x' FROM generate_series(5, 14) g;
                """, database: name)
        }

        func wherry(_ arguments: String...) async -> ProgramRun {
            await program(arguments, environment: environment, backend: Wiring.backend)
        }

        func documents(_ collection: String) async throws -> [BSONDocument] {
            try await MongoInspector(uri: mongo.uri(database: name)).documents(collection)
        }
    }

    /// The draft is taken as it is, and makes the documents and indexes that there would be.
    @Test func aDraftRuns() async throws {
        let place = try await Place()
        let folder = FileManager.default.temporaryDirectory.appending(path: place.name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "wherry.yaml").path
        let written = await place.wherry("init", "--output", path)
        #expect(written.code == 0 && written.output.contains("wherry check --config \(path)"), "\(written.errors)")
        let printed = await place.wherry("init")
        #expect(try printed.output == String(contentsOfFile: path, encoding: .utf8))
        let again = await place.wherry("init", "--output", path)
        #expect(again.code == 64 && again.errors.contains("is never overwritten"))

        let check = await place.wherry("check", "--config", path)
        #expect(check.code == 0 && !check.output.contains("index"), "\(check.output)\(check.errors)")
        let run = await place.wherry("run", "--until-caught-up", "--config", path)
        #expect(run.code == 0, "\(run.errors)")
        let inspector = try MongoInspector(uri: place.mongo.uri(database: place.name))
        let reply = try await inspector.command(["listIndexes": "orders"])
        let found = (reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []).compactMap(\.asDocument)
        #expect(Set(found.compactMap { $0["name"]?.asString }) == ["_id_", "by_price", "open_ones"])
        #expect(found.first { $0["name"] == "open_ones" }?["partialFilterExpression"] == ["state": "open"])
        #expect(try await place.documents("orders").count == 9)
        #expect(try await place.documents("parted").count == 10)

        // Whoever changes them in MongoDB is told of it.
        let whole = await place.wherry("check", "--config", path)
        #expect(whole.code == 0 && !whole.output.contains("index"), "\(whole.output)")
        #expect(await !place.wherry("status", "--json", "--config", path).output.contains("indexes_missing"))
        try await inspector.command(["dropIndexes": "orders", "index": ["by_price", "open_ones"]])
        try await inspector.command(
            ["createIndexes": "orders", "indexes": [["key": ["placed_at": -1], "name": "open_ones"]]])
        try await inspector.command(
            ["update": "tags", "updates": [["q": ["_id": "c"], "u": ["$set": ["gone": 1]]]]])
        try await inspector.createUniqueIndex("tags", on: "gone")
        let changed = await place.wherry("check", "--config", path)
        for message in [
            "index by_price of collection orders is not there",
            "index open_ones of collection orders is another than the file says: sparse or where",
            "unique index unique_gone of collection tags is on gone, which no document has",
        ] {
            #expect(changed.output.contains(message), "\(changed.output)")
        }
        #expect(changed.code == 0)
        let status = await place.wherry("status", "--json", "--config", path)
        #expect(status.output.contains("\"indexes_missing\" : 1"), "\(status.output)")
        let text = await place.wherry("status", "--config", path)
        #expect(text.output.contains("  indexes   1 of those in the file are not there"), "\(text.output)")
    }

    /// What it shows is what is written.
    @Test func aPreviewIsTheDocument() async throws {
        let place = try await Place()
        let first = await place.wherry("preview", "public.orders", "--json", "--limit", "2")
        #expect(first.code == 0, "\(first.errors)")
        let one = await place.wherry("preview", "public.orders", "1,7", "[1, 9]", "--json")
        let odd = await place.wherry("preview", "public.tags", "a,b", "--json")
        let parts = await place.wherry("preview", "public.parted", "--json", "--limit", "7")
        #expect(try await place.documents("orders").isEmpty)
        #expect(await place.wherry("run", "--until-caught-up", "--exclude", "public.keyless").code == 0)
        let stored = try await place.documents("orders").map { RelaxedJSON.text($0) }
        #expect(first.output == stored[0] + "\n" + stored[1] + "\n")
        #expect(Set(one.output.split(separator: "\n").map(String.init)) == [stored[6], stored[8]])
        #expect(odd.output == "{\"_id\":\"a,b\",\"odd $name\":1}\n")
        #expect(parts.output.split(separator: "\n").count == 7)
    }

    @Test func whatThereIsNoPreviewOf() async throws {
        let place = try await Place()
        for (words, message) in [
            (["public.ordrs"], "there is no table public.ordrs"), (["public.keyless"], "has no primary key"),
            (["public.low"], "a partition of public.parted"),
            (["public.orders", "1"], "a key of public.orders has 2 values"),
            (["public.orders", "1,77", "1,9"], "has no row of 1 of the 2 keys: 1,77"),
            (["public.orders", "1,9", "1,x"], "'1,x' is no key of public.orders"),
            (["orders"], "'orders' is no schema.table"),
        ] {
            let run = await program(
                ["preview"] + words, environment: place.environment, backend: Wiring.backend)
            #expect(run.code == 64 && run.errors.contains(message), "\(run.errors)")
            #expect(run.errors.contains("hint: "))
        }
    }

    /// Of rows that a pipeline leaves out there are no documents.
    @Test func whereHoldsForPreviews() async throws {
        let place = try await Place()
        let mapping = "collections: { o: { from: public.orders, where: 'no % 2 = 0 AND no > 4', keep: [no] } }"
        try await withTemporaryFile(mapping) { path in
            let first = await place.wherry("preview", "public.orders", "--json", "--limit", "1", "--config", path)
            #expect(first.code == 0 && first.output == "{\"_id\":{\"tenant\":1,\"no\":6}}\n", "\(first.errors)")
            let all = await place.wherry("preview", "public.orders", "--json", "--limit", "9", "--config", path)
            #expect(all.code == 0 && all.output.split(separator: "\n").count == 2, "\(all.output)")
            #expect(all.errors.contains("there is no more to show"), "\(all.errors)")
            let keys = await place.wherry("preview", "public.orders", "1,7", "01,08", "--json", "--config", path)
            #expect(keys.code == 0 && keys.output == "{\"_id\":{\"tenant\":1,\"no\":8}}\n", "\(keys.errors)")
            #expect(keys.errors.contains("'where' leaves the row out") && keys.errors.contains("1,7"))
            let gone = await place.wherry("preview", "public.orders", "1,7", "1,77", "--config", path)
            #expect(gone.code == 64 && gone.errors.contains("no row of 1 of the 2 keys: 1,77"), "\(gone.errors)")
            let other = await place.wherry("preview", "public.tags", "c", "--json", "--config", path)
            #expect(other.code == 0 && other.output.contains("\"_id\":\"c\""))
            #expect(other.errors.contains("no pipeline with this configuration has the table"), "\(other.errors)")
        }
    }

    /// One row that makes no document hides no other.
    @Test func rowsThatMakeNoDocument() async throws {
        let place = try await Place()
        let mapping = "collections: { o: { from: public.orders, keep: [price], type: { price: int32 } } }"
        try await withTemporaryFile(mapping) { path in
            let run = await place.wherry("preview", "public.orders", "--json", "--limit", "9", "--config", path)
            #expect(run.code == 65 && run.output.split(separator: "\n").count == 2, "\(run.output)")
            #expect(run.errors.contains("1,3") && !run.errors.contains("1,4"), "\(run.errors)")
            #expect(run.errors.contains("and 6 other rows make no document"), "\(run.errors)")
        }
    }

    @Test func nothingToDraft() async throws {
        let place = try await Place()
        let run = await place.wherry("init", "--schema", "elsewhere")
        #expect(run.code == 78 && run.errors.contains("schema elsewhere has no table that can be replicated"))
    }
}
