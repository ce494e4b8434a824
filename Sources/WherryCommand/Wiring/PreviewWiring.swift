import Foundation
import Logging
import Mapping
import Model
import Postgres

/// Reads rows of one table and maps them as a pipeline would. Asks the source alone, and writes nothing.
struct PreviewWiring: Sendable {
    let request: PreviewRequest
    let logger: Logger

    func preview() async throws -> Preview {
        try await Endpoint.withSource(request.settings, usesReplication: false, logger: logger) { source in
            let table = try await table(source)
            let configured = request.settings.source
            let collection = try CollectionChoice(
                table: table.name, collections: configured.rules.parts(of: table.name).map(\.collection)
            ).one(request.collection)
            let named = configured.rules.settings(of: table.name, into: collection)
            let plan = try MappingPlan(
                schema: table.schema, collection: collection, keyColumns: table.primaryKey,
                lastModified: named?.lastModified, mapping: named?.mapping ?? configured.mapping)
            let keys = try request.keys.map { (text: $0, values: try key($0, of: table)) }
            var rows = PreviewRows(source, table.schema, key: table.primaryKey, plan: plan)
            if keys.isEmpty { try await rows.readFirst(request.limit) } else { try await rows.read(keys) }
            var preview = rows.preview
            preview.isChosen = configured.chooses(table)
            return preview
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
}
