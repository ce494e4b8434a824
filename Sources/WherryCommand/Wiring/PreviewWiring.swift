import BSON
import Foundation
import Logging
import Mapping
import Model
import Postgres

/// Reads rows of one table and maps them as a pipeline would. Asks the source alone, and writes nothing.
struct PreviewWiring: Sendable {
    let request: PreviewRequest
    let logger: Logger

    /// Bytes read from the source at once.
    private static let readSize = 256 * 1024

    func preview() async throws -> Preview {
        try await Endpoint.withSource(request.settings, usesReplication: false, logger: logger) { source in
            let table = try await table(source)
            let configured = request.settings.source
            let named = configured.collections?[table.name]
            let plan = try MappingPlan(
                schema: table.schema, collection: configured.collection(of: table.name), keyColumns: table.primaryKey,
                lastModified: named?.lastModified, mapping: named?.mapping ?? configured.mapping)
            let keys = try request.keys.map { try key($0, of: table) }
            let rows = try await rows(of: TableVersion(schema: table.schema), table.primaryKey, keys, source)
            return Preview(
                collection: plan.collection, documents: try documents(rows, plan),
                rowsMissing: keys.isEmpty ? 0 : max(0, Set(keys).count - rows.count))
        }
    }

    private func table(_ source: PostgresSource) async throws -> CatalogTable {
        let all = try await source.tables(schemas: [request.table.schema])
        guard let table = all.first(where: { $0.name == request.table }) else {
            let near = Suggestion.nearest(to: request.table.description, among: all.map(\.name.description))
            throw Failure(
                .usage, "there is no table \(request.table)",
                hint: near.map { "Did you mean \($0)?" } ?? "Name it as the catalogue does, upper and lower case too.")
        }
        if let reason = table.refusal {
            throw Failure(
                .usage, "\(table.name) can't be replicated: it is \(reason)", hint: "`wherry check` says more.")
        }
        guard !table.primaryKey.isEmpty else {
            throw Failure(
                .usage, "\(table.name) has no primary key, and no row of it an _id",
                hint: "Add one; `wherry check` shows the statement.")
        }
        return table
    }

    /// A key's values as PostgreSQL's text.
    private func key(_ text: String, of table: CatalogTable) throws -> [String] {
        let columns = table.primaryKey
        guard columns.count > 1 else { return [text] }
        let values: [String]?
        if text.hasPrefix("[") {
            let array = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [Any]
            values = array?.map { ($0 as? String) ?? "\($0)" }
        } else {
            values = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        guard let values, values.count == columns.count else {
            throw Failure(
                .usage, "a key of \(table.name) has \(columns.count) values: \(columns.joined(separator: ", "))",
                hint: "Separate them with commas, or give a JSON array where a value has one: '[\"a,b\", 3]'.")
        }
        return values
    }

    private func rows(
        of table: TableVersion, _ key: [String], _ keys: [[String]], _ source: PostgresSource
    ) async throws -> [Row] {
        let reader = try await source.openChunkReader()
        do {
            let rows =
                keys.isEmpty
                ? try await firstRows(of: table, key, reader, source)
                : try await read(reader, try await reader.start(table, key: key, keys: keys))
            await reader.close()
            return rows
        } catch {
            await reader.close()
            throw error
        }
    }

    /// Of a partitioned table those of its first leaves.
    private func firstRows(
        of table: TableVersion, _ key: [String], _ reader: any ChunkReader, _ source: PostgresSource
    ) async throws -> [Row] {
        var rows: [Row] = []
        for range in try await source.planSegments(table, key: key, where: nil) where rows.count < request.limit {
            rows += try await read(
                reader,
                try await reader.start(
                    table, key: key, range: range, limit: request.limit - rows.count, where: nil))
        }
        return rows
    }

    private func read(_ reader: any ChunkReader, _ start: ChunkStart) async throws -> [Row] {
        var rows: [Row] = []
        while case let more = try await reader.next(maxBytes: PreviewWiring.readSize), !more.isEmpty { rows += more }
        return rows
    }

    private func documents(_ rows: [Row], _ plan: MappingPlan) throws -> [BSONDocument] {
        try rows.map { row in
            var writer = BSONWriter()
            let range = try plan.encodeDocument(row, into: &writer)
            return try BSONDocument(validating: writer.bytes(in: range))
        }
    }
}
