import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// One row, whichever way it comes: copied, read by a backfill, streamed in binary, streamed as text, streamed by wal2json.
/// The server makes random values of every type, and says what they are; MongoDB's own driver reads them.
@Suite(.onServers) struct TypesTests {
    /// Makes the same random values once more.
    private static let seed =
        ProcessInfo.processInfo.environment["WHERRY_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...1_000_000)
    private static let randomValues = 60
    private static let mostEdges = TypeColumn.all.map(\.made.edges.count).max() ?? 0
    private static let rows = mostEdges + randomValues

    @Test func areTheSameOnEveryWay() async throws {
        let fixture = try await PipelineFixture("types")
        try await makeTables(fixture)
        let chosen = ["--exclude", "public.spatial_ref_sys"]
        try await fixture.catchUp(arguments: chosen)
        try await fixture.sql("INSERT INTO public.streamed SELECT * FROM public.filled")
        let binary = try await fixture.catchUp(arguments: chosen)
        #expect(!binary.log.contains("streamed as text"))
        // A type that can only come as text makes all come as text.
        try await fixture.sql("ALTER TABLE public.streamed ADD price_of_all money")
        try await fixture.sql("UPDATE public.streamed SET price_of_all = 1 WHERE id = 1")
        let run = try await fixture.catchUp(arguments: chosen)
        #expect(run.log.contains("values are streamed as text"))
        try await fixture.sql("INSERT INTO public.texts SELECT * FROM public.filled")
        try await fixture.catchUp(arguments: chosen)

        let read = try await documents("filled", fixture)
        try #require(read.count == Self.rows)
        let wrong = try await wrong(read, fixture)
        #expect(wrong == [:], "WHERRY_SEED=\(Self.seed)")
        let wrongParts = Set(read.values.flatMap { Self.wrongParts(of: $0) })
        #expect(wrongParts == [], "WHERRY_SEED=\(Self.seed)")
        #expect(try await different(from: read, to: documents("texts", fixture)) == [])
        // The new column is in the other rows' documents too, and else nothing has changed.
        let streamed = try await documents("streamed", fixture)
        #expect(streamed.allSatisfy { $1["price_of_all"] == ($0 == "1" ? "$1.00" : .null) })
        let before = streamed.mapValues { BSONDocument($0.elements.filter { $0.name != "price_of_all" }) }
        #expect(different(from: read, to: before) == [])
        #expect(try await different(from: read, to: copied(fixture, chosen)) == [])
        #expect(try await different(from: read, to: byWal2JSON(fixture, chosen)) == [])

        let seen = try DriverDocument.all("filled", on: fixture.name, uri: fixture.targetURI)
        let own = read.values.sorted { $0["_id"]?.asInt64 ?? 0 < $1["_id"]?.asInt64 ?? 0 }
        #expect(seen.count == own.count)
        #expect(zip(seen, own).flatMap { $0.differences(from: $1) } == [])
    }

    /// `filled` has each type's edges and random values; the others are to be filled from it.
    private func makeTables(_ fixture: PipelineFixture) async throws {
        for (number, column) in TypeColumn.all.enumerated() {
            let schema = column.made.setUp.joined().firstMatch(of: /(plain|json)_\d+/)?.output.0
            if let schema { try await fixture.sql("CREATE SCHEMA \(schema)") }
            for statement in column.made.setUp { try await fixture.sql(statement) }
            if number == 0 { try await fixture.sql("CREATE TABLE public.filled (id integer PRIMARY KEY)") }
            try await fixture.sql("ALTER TABLE public.filled ADD c\(number) \(column.made.type)")
            if column.hasArrays {
                try await fixture.sql("ALTER TABLE public.filled ADD a\(number) \(column.made.type)[]")
            }
            if let range = column.range { try await fixture.sql("ALTER TABLE public.filled ADD r\(number) \(range)") }
        }
        for table in ["streamed", "texts", "lines"] {
            try await fixture.sql("CREATE TABLE public.\(table) (LIKE public.filled INCLUDING ALL)")
        }
        try await fixture.sql("INSERT INTO public.filled SELECT generate_series(1, \(Self.rows))")
        // Of the session.
        try await fixture.sql("SELECT setseed(\(Double(Self.seed) / 1_000_000))")
        for (number, column) in TypeColumn.all.enumerated() {
            let edges = column.made.edges.enumerated().map { "(\($0 + 1), (\($1))::\(column.made.type))" }
            try await fixture.sql(
                """
                UPDATE public.filled SET c\(number) = x FROM (VALUES \(edges.joined(separator: ", "))) v(n, x)
                WHERE id = n
                """)
            try await fixture.sql(
                """
                UPDATE public.filled SET c\(number) = \(column.made.random)
                FROM generate_series(1, \(Self.randomValues)) g WHERE id = \(Self.mostEdges) + g
                """)
        }
        let parts = TypeColumn.all.enumerated().flatMap { number, column in
            (column.hasArrays ? ["a\(number) = ARRAY[c\(number), NULL, c\(number)]"] : [])
                + (column.range.map { ["r\(number) = \($0)(c\(number), NULL)"] } ?? [])
        }
        try await fixture.sql("UPDATE public.filled SET \(parts.joined(separator: ", "))")
    }

    /// Arrays and ranges of a value, where they don't hold what the value itself is.
    private static func wrongParts(of document: BSONDocument) -> [String] {
        TypeColumn.all.enumerated().flatMap { number, column -> [String] in
            let value = document["c\(number)"] ?? .null
            // Documents are compared by their bytes: a NaN is one.
            func has(_ name: String, _ expected: BSONValue) -> Bool {
                BSONDocument([("", document[name] ?? .null)]) == BSONDocument([("", expected)])
            }
            let isArray = !column.hasArrays || has("a\(number)", .array([value, .null, value]))
            let range: BSONValue = ["lower": value, "upper": .null, "bounds": value == .null ? "()" : "[)"]
            let isRange = column.range == nil || has("r\(number)", range)
            return (isArray ? [] : ["array of \(column.description)"])
                + (isRange ? [] : ["range of \(column.description)"])
        }
    }

    /// What the server has, and nobody has thought of.
    @Test func everyTypeOfTheServerIsAmongThem() async throws {
        let fixture = try await PipelineFixture("alltypes")
        let known = Set(
            (OracleFamily.all + OracleFamily.serverTexts).map(\.type.oid)
                + OracleJSON.all.map(\.type.oid) + TypeColumn.all.compactMap(\.rangeOID))
        // No table can hold any of these but as NULL.
        let withoutInput = [
            "gtsvector", "pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list", "pg_brin_bloom_summary",
            "pg_brin_minmax_multi_summary",
        ]
        let missing = try await fixture.sql(
            """
            SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
            WHERE n.nspname = 'pg_catalog' AND t.typtype IN ('b', 'r') AND t.typcategory <> 'A'
                AND t.oid <> ALL ($1::oid[]) AND t.typname <> ALL ($2::text[])
            """, ["{\(known.map(String.init).joined(separator: ","))}", "{\(withoutInput.joined(separator: ","))}"])
        #expect(missing.rows.compactMap(\.first) == [])
    }

    /// They make the whole stream text.
    @Test(arguments: OutputPlugin.allCases) func whatIsStoredAsTheServersText(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("servertexts", plugin: plugin)
        let families = OracleFamily.serverTexts
        let columns = families.enumerated().map { "c\($0) \($1.sqlType), a\($0) \($1.sqlType)[]" }
        try await fixture.sql("CREATE TABLE public.filled (id integer PRIMARY KEY, \(columns.joined(separator: ", ")))")
        try await fixture.sql("CREATE TABLE public.streamed (LIKE public.filled INCLUDING ALL)")
        try await fixture.sql("INSERT INTO public.filled SELECT generate_series(1, 5)")
        for (number, family) in families.enumerated() {
            for (row, edge) in family.edges.enumerated() {
                try await fixture.sql("UPDATE public.filled SET c\(number) = \(edge) WHERE id = \(row + 1)")
            }
            try await fixture.sql("UPDATE public.filled SET a\(number) = ARRAY[c\(number), NULL]")
        }
        try await fixture.catchUp()
        try await fixture.sql("INSERT INTO public.streamed SELECT * FROM public.filled")
        try await fixture.catchUp()
        let connection = try await PostgresConnection.open(fixture.sourceURI)
        let read = try await documents("filled", fixture)
        for (number, family) in families.enumerated() {
            let verdict = OracleVerdict(
                connection: connection, relation: "(SELECT id AS n, c\(number) AS x FROM public.filled) oracle")
            let wrong = try await verdict.wrong(family, read.compactMapValues { $0["c\(number)"] })
            #expect(wrong == [], "\(family.name)")
            #expect(read.values.allSatisfy { $0["a\(number)"] == .array([$0["c\(number)"] ?? .null, .null]) })
        }
        await connection.close()
        #expect(try await documents("streamed", fixture) == read)
    }

    /// By the text of their keys.
    private func documents(
        _ collection: String, _ fixture: PipelineFixture, on database: String? = nil
    ) async throws -> [String: BSONDocument] {
        let documents = try await fixture.inspector.documents(collection, on: database)
        return Dictionary(uniqueKeysWithValues: documents.map { ("\($0["_id"]?.asInt64 ?? 0)", $0) })
    }

    /// The types with values that aren't what the server says, and in which rows.
    private func wrong(
        _ documents: [String: BSONDocument], _ fixture: PipelineFixture
    ) async throws -> [String: [String]] {
        let connection = try await PostgresConnection.open(fixture.sourceURI)
        var wrong: [String: [String]] = [:]
        for (number, column) in TypeColumn.all.enumerated() {
            let verdict = OracleVerdict(
                connection: connection, relation: "(SELECT id AS n, c\(number) AS x FROM public.filled) oracle")
            let values = documents.compactMapValues { $0["c\(number)"] }
            let rows =
                switch column {
                case .plain(let family): try await verdict.wrong(family, values)
                case .json(let family): try await verdict.wrong(family, values)
                }
            if !rows.isEmpty { wrong[column.description] = rows }
        }
        await connection.close()
        return wrong
    }

    /// By COPY, into a database of its own.
    private func copied(_ fixture: PipelineFixture, _ chosen: [String]) async throws -> [String: BSONDocument] {
        let target = "\(fixture.name)_copy"
        try await run(["snapshot", "--no-slot"] + chosen, into: target, fixture)
        return try await takeDocuments("filled", fixture, from: target)
    }

    /// The same rows once more, by a second pipeline of the same database.
    private func byWal2JSON(_ fixture: PipelineFixture, _ chosen: [String]) async throws -> [String: BSONDocument] {
        let target = "\(fixture.name)_json"
        let words =
            ["run", "--until-caught-up"] + chosen + (try fixture.configurationWords(BatchSizes(plugin: .wal2json)))
        try await run(words, into: target, fixture)
        try await fixture.sql("INSERT INTO public.lines SELECT * FROM public.filled")
        try await run(words, into: target, fixture)
        return try await takeDocuments("lines", fixture, from: target)
    }

    private func run(_ words: [String], into target: String, _ fixture: PipelineFixture) async throws {
        let run = try fixture.command(
            words + [
                "--source", fixture.sourceURI, "--target", fixture.mongo.uri(database: target), "--pipeline", target,
                "--state-database", fixture.stateDatabase, "--log-format", "json",
            ])
        try await run.end(within: .seconds(180))
        guard run.child.exitStatus?.code == 0 else { throw TestFailure("wherry failed: \(run.tail)") }
    }

    private func takeDocuments(
        _ collection: String, _ fixture: PipelineFixture, from target: String
    ) async throws -> [String: BSONDocument] {
        let documents = try await documents(collection, fixture, on: target)
        try await fixture.inspector.command(["dropDatabase": 1], on: target)
        return documents
    }

    /// The types whose columns differ in any document.
    private func different(from read: [String: BSONDocument], to others: [String: BSONDocument]) -> Set<String> {
        var types: Set<String> = read.count == others.count ? [] : ["\(others.count) documents"]
        for (key, document) in read where document != others[key] {
            for (number, column) in TypeColumn.all.enumerated()
            where document["c\(number)"] != others[key]?["c\(number)"] {
                types.insert(column.description)
            }
            if types.isEmpty { types.insert("the order of fields") }
        }
        return types
    }
}
