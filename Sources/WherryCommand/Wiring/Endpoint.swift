import Foundation
import Logging
import Mapping
import Model
import Mongo
import Postgres

/// The ends of a pipeline, made from its settings.
enum Endpoint {
    static func applicationName(_ settings: Settings) -> String { "wherry \(settings.pipeline)" }

    /// - Parameter usesReplication: false for a copy without a slot.
    static func source(
        _ settings: Settings, usesReplication: Bool = true, logger: Logger
    ) throws -> PostgresSource {
        try PostgresSource(
            SourceSettings(
                uri: settings.source.uri.reveal(), pipeline: settings.pipeline, slot: settings.source.slot,
                publication: settings.source.publication, plugin: settings.source.plugin,
                usesReplication: usesReplication, hasBinaryCodec: MappingPlan.hasBinaryCodec),
            logger: logger)
    }

    /// The target's clients.
    ///
    /// - Parameter isPatient: for commands that may take hours.
    static func pool(_ settings: Settings, isPatient: Bool = false) throws -> MongoPool {
        try MongoPool(
            uri: settings.target.uri.reveal(), applicationName: applicationName(settings), isPatient: isPatient)
    }

    /// What is stored of pipelines.
    ///
    /// - Parameter pool: one of its own when nil.
    static func store(_ settings: Settings, _ pool: MongoPool? = nil) throws -> MongoStateStore {
        MongoStateStore(pool: try pool ?? self.pool(settings), database: settings.target.stateDatabase)
    }

    /// The source for as long as `body` needs it.
    static func withSource<Value: Sendable>(
        _ settings: Settings, usesReplication: Bool = true, logger: Logger,
        _ body: (PostgresSource) async throws -> Value
    ) async throws -> Value {
        let source = try source(settings, usesReplication: usesReplication, logger: logger)
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
    /// - Throws: `Failure(.configuration)` naming every table that can't be replicated, or that isn't there.
    static func tables(
        _ source: PostgresSource, _ settings: Settings, named names: [TableName]?
    ) async throws -> [SourceTable] {
        let schemas = names.map { Set($0.map(\.schema)).sorted() } ?? settings.source.schemas
        let candidates = try await source.tables(schemas: schemas)
            .filter { names?.contains($0.name) ?? settings.source.chooses($0) }
        let missing = names == nil ? (settings.source.tables ?? []).subtracting(candidates.map(\.name)) : []
        guard missing.isEmpty else {
            throw Failure(
                .configuration, "there is no table \(missing.sorted().map(\.description).joined(separator: ", "))",
                hint: "--tables and 'collections' name tables as the catalogue does, upper and lower case too.")
        }
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
                    ? (settings.source.tables == nil
                        ? "Leave them out with source.exclude or --exclude" : "Leave them out")
                        + ", or mend them; `wherry check` says how."
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

extension Settings.Source {
    /// Whether a new pipeline would have this table, or refuse to.
    func chooses(_ table: CatalogTable) -> Bool {
        table.isChosen(schemas: schemas, excluded: excluded, tables: tables)
    }
}
