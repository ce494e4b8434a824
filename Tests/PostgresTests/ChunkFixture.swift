import Logging
import Model
import Postgres
import TestSupport
import Testing

/// Tables read in chunks; every value comes as text, so that rows compare with what a SELECT says.
struct ChunkFixture {
    let cluster: TestCluster
    let source: PostgresSource
    /// Asks as the source does, with its session settings.
    let connection: PostgresConnection

    static func make(_ sql: String) async throws -> ChunkFixture {
        let cluster = try await TestCluster.make(sql)
        let settings = SourceSettings(
            uri: cluster.uri, pipeline: cluster.database, slot: "none", publication: "none",
            hasBinaryCodec: { _ in false })
        return ChunkFixture(
            cluster: cluster,
            source: try PostgresSource(
                settings, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })),
            connection: try await cluster.connection())
    }

    struct Table {
        let version: TableVersion
        let key: [String]
        var name: TableName { version.schema.name }
    }

    func table(_ name: String = "t") async throws -> Table {
        let found = try #require(try await source.tables(schemas: ["public"]).first { $0.name.name == name })
        return Table(version: TableVersion(schema: found.schema), key: found.primaryKey)
    }

    /// Each row as its values' text, as the source reads it.
    func select(_ table: Table, where condition: String = "true") async throws -> [[String?]] {
        let columns = table.version.schema.columns.map(\.name).map(quoteIdentifier).map {
            "CASE WHEN \($0) IS NOT NULL THEN format('%s', \($0)) END"
        }
        return try await connection.query(
            "SELECT \(columns.joined(separator: ", ")) FROM ONLY \(table.name.quoted) WHERE \(condition)"
        ).rows
    }

    func rest(_ reader: any ChunkReader, maxBytes: Int = 10_000) async throws -> [[String?]] {
        var rows: [[String?]] = []
        while case let more = try await reader.next(maxBytes: maxBytes), !more.isEmpty { rows += more.map(values) }
        return rows
    }

    /// A range's rows in chunks; `between` is called with each chunk's end.
    func walk(
        _ reader: any ChunkReader, _ table: Table, _ range: KeyRange = KeyRange(), where condition: String? = nil,
        limit: () -> Int, between: ([String]) async throws -> Void = { _ in }
    ) async throws -> [[String?]] {
        var rows: [[String?]] = []
        var range = range
        while true {
            let limit = limit()
            let start = try await reader.start(
                table.version, key: table.key, range: range, limit: limit, where: condition)
            let chunk = try await rest(reader)
            #expect(chunk.count <= limit)
            if condition == nil, start.end != nil { #expect(chunk.count == limit) }
            rows += chunk
            guard let end = start.end else { return rows }
            try await between(end)
            range.after = end
        }
    }

    func close() async {
        await source.close()
        await connection.close()
    }
}

/// For comparing rows whose order doesn't matter.
func inOrder(_ rows: [[String?]]) -> [String] {
    rows.map { $0.map { $0 ?? "\u{0}" }.joined(separator: "\u{1}") }.sorted()
}
