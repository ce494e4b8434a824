import Foundation
import Logging
import Mapping
import Model
import Postgres

/// The ends of a pipeline, made from its settings.
enum Endpoint {
    static func applicationName(_ settings: Settings) -> String { "wherry \(settings.pipeline)" }

    static func source(_ settings: Settings, logger: Logger) throws -> PostgresSource {
        try PostgresSource(
            SourceSettings(
                uri: settings.source.uri.reveal(), pipeline: settings.pipeline, slot: settings.source.slot,
                publication: settings.source.publication, hasBinaryCodec: MappingPlan.hasBinaryCodec),
            logger: logger)
    }

    /// The source for as long as `body` needs it.
    static func withSource<Value: Sendable>(
        _ settings: Settings, logger: Logger, _ body: (PostgresSource) async throws -> Value
    ) async throws -> Value {
        let source = try source(settings, logger: logger)
        do {
            let value = try await body(source)
            await source.close()
            return value
        } catch {
            await source.close()
            throw error
        }
    }

    /// The tables of these names; without names those to replicate: all of the chosen schemas that are not excluded.
    ///
    /// - Throws: `Failure(.configuration)` naming every table that can't be replicated.
    static func tables(
        _ source: PostgresSource, _ settings: Settings, named names: [TableName]?
    ) async throws -> [SourceTable] {
        let schemas = names.map { Set($0.map(\.schema)).sorted() } ?? settings.source.schemas
        let candidates = try await source.tables(schemas: schemas)
            .filter { names?.contains($0.name) ?? !settings.source.excluded.contains($0.name) }
        let refused = candidates.compactMap { table -> String? in
            if let reason = table.refusal { return "\(table.name) is \(reason)" }
            return table.primaryKey.isEmpty ? "\(table.name) has no primary key" : nil
        }
        guard refused.isEmpty else {
            throw Failure(
                .configuration,
                "\(refused.count == 1 ? "a table" : "\(refused.count) tables") can't be replicated: "
                    + refused.joined(separator: "; "),
                hint: names == nil
                    ? "Leave them out with source.exclude or --exclude, or mend them; `wherry check` says how."
                    : "They belong to the pipeline: mend them (`wherry check` says how), or `wherry drop` it.")
        }
        return candidates.map { SourceTable(schema: $0.schema, primaryKey: $0.primaryKey) }
    }

    static var thisWorker: WorkerIdentity {
        let now = Date().timeIntervalSince1970 - Double(SourceTime.epochOffsetSeconds)
        return WorkerIdentity(
            host: ProcessInfo.processInfo.hostName, pid: Int(ProcessInfo.processInfo.processIdentifier),
            startedAt: SourceTime(microseconds: Int64(now * 1_000_000)))
    }
}
