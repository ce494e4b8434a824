import BSON
import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// One row, whichever way it comes: copied, read by a backfill, streamed in binary, streamed as text, streamed by wal2json.
/// The server makes random values of every type, and says what they are; MongoDB's own driver reads them.
@Suite(.onServers) struct TypesTests {
    /// A type, a column of it, and what the server says of its values.
    private enum Column {
        case plain(OracleFamily)
        case json(OracleJSON)

        /// Each has its own types in a schema of its own.
        static let all: [Column] =
            OracleFamily.all.filter { !$0.isKey }.enumerated().map { .plain($1.within("plain_\($0)")) }
            + OracleJSON.all.enumerated().map { .json($1.within("json_\($0)")) }

        var made: (type: String, setUp: [String], edges: [String], random: String) {
            switch self {
            case .plain(let family): (family.sqlType, family.setUp, family.edges, family.random)
            case .json(let family): (family.sqlType, family.setUp, family.edges, family.random)
            }
        }

        var description: String {
            switch self {
            case .plain(let family): family.name
            case .json(let family): family.name
            }
        }
    }

    private static let randomValues = 60
    private static let mostEdges = Column.all.map(\.made.edges.count).max() ?? 0
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
        #expect(wrong == [:])
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
        for (number, column) in Column.all.enumerated() {
            let schema = column.made.setUp.joined().firstMatch(of: /(plain|json)_\d+/)?.output.0
            if let schema { try await fixture.sql("CREATE SCHEMA \(schema)") }
            for statement in column.made.setUp { try await fixture.sql(statement) }
            if number == 0 { try await fixture.sql("CREATE TABLE public.filled (id integer PRIMARY KEY)") }
            try await fixture.sql("ALTER TABLE public.filled ADD c\(number) \(column.made.type)")
        }
        for table in ["streamed", "texts", "lines"] {
            try await fixture.sql("CREATE TABLE public.\(table) (LIKE public.filled INCLUDING ALL)")
        }
        try await fixture.sql("INSERT INTO public.filled SELECT generate_series(1, \(Self.rows))")
        for (number, column) in Column.all.enumerated() {
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
        for (number, column) in Column.all.enumerated() {
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
            for (number, column) in Column.all.enumerated()
            where document["c\(number)"] != others[key]?["c\(number)"] {
                types.insert(column.description)
            }
            if types.isEmpty { types.insert("the order of fields") }
        }
        return types
    }
}
