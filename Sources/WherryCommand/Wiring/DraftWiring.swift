import Logging
import Mapping
import Model
import Postgres

/// Reads the source's catalogue for a draft of the configuration.
struct DraftWiring: Sendable {
    let source: DraftSource
    let logger: Logger

    func draft() async throws -> String {
        let uri = source.uri.reveal()
        let database = try PostgresSource(
            SourceSettings(
                uri: uri, pipeline: "init", slot: "", publication: "", usesReplication: false,
                hasBinaryCodec: MappingPlan.hasBinaryCodec), logger: logger)
        let result: Result<ConfigurationDraft, any Error>
        do {
            let tables = try await database.tables(schemas: source.schemas)
                .filter { $0.isChosen(schemas: source.schemas, excluded: source.excluded, tables: nil) }
            result = .success(
                ConfigurationDraft(
                    source: database.target.safeURI, tables: tables.map { DraftTable($0) },
                    indexes: try await database.indexes()))
        } catch {
            result = .failure(error)
        }
        await database.close()
        let draft = try result.get()
        guard !draft.isEmpty else {
            throw Failure(
                .configuration, "schema \(source.schemas.joined(separator: ", ")) has no table that can be replicated",
                hint: "Name other schemas with --schema, or give the tables keys; `wherry check` says how.")
        }
        return draft.text
    }
}
