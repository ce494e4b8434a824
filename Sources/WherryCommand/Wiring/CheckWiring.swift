import Logging
import Mapping
import Model
import Mongo
import Postgres

/// Runs the preflight: the source's half, the target's half, and what only shows with both in sight. Changes nothing.
struct CheckWiring: Sendable {
    let settings: Settings
    /// Collections that are not empty are accepted.
    let adopts: Bool
    let logger: Logger

    func findings() async -> [Finding] {
        async let target = targetFindings()
        let source = await sourceFindings()
        let found = source + (await target)
        // Without both servers there is nothing to compare.
        guard
            !found.contains(where: {
                $0.severity == .error
                    && ["source_unreachable", "source_denied", "target_unreachable", "target_denied"].contains($0.code)
            })
        else { return found }
        return found + (await sharedFindings())
    }

    private func sourceFindings() async -> [Finding] {
        await collect("source") {
            let source = try Endpoint.source(settings, logger: logger)
            let scope = PreflightScope(
                schemas: settings.source.schemas, excluded: settings.source.excluded,
                plugin: settings.source.plugin.rawValue)
            do {
                let findings = try await source.preflight(scope)
                await source.close()
                return findings
            } catch {
                await source.close()
                throw error
            }
        }
    }

    private func targetFindings() async -> [Finding] {
        await collect("target") {
            let pool = try MongoPool(
                uri: settings.target.uri.reveal(), applicationName: Endpoint.applicationName(settings))
            return await MongoPreflight(pool: pool, stateDatabase: settings.target.stateDatabase).findings()
        }
    }

    private func sharedFindings() async -> [Finding] {
        await collect("pipeline") {
            let pool = try MongoPool(
                uri: settings.target.uri.reveal(), applicationName: Endpoint.applicationName(settings))
            let store = MongoStateStore(pool: pool, database: settings.target.stateDatabase)
            let state = try await store.load(settings.pipeline)
            let source = try Endpoint.source(settings, logger: logger)
            do {
                let candidates = try await source.tables(schemas: settings.source.schemas).filter {
                    !settings.source.excluded.contains($0.name) && $0.refusal == nil && !$0.primaryKey.isEmpty
                }
                let tables = candidates.map { SourceTable(schema: $0.schema, primaryKey: $0.primaryKey) }
                var findings = tables.flatMap(CheckFindings.types)
                if let state {
                    findings += CheckFindings.identity(state, now: try await source.identify())
                } else {
                    let target = MongoTarget(
                        pool: pool, stateDatabase: settings.target.stateDatabase, pipeline: settings.pipeline)
                    let names = tables.map(\.schema.name.defaultCollection)
                        .filter { NameRules.collectionProblem($0) == nil }
                    findings += CheckFindings.collections(
                        of: tables, occupied: try await target.nonEmpty(names), adopts: adopts)
                    findings += CheckFindings.slotWithoutState(try await source.slot(), pipeline: settings.pipeline)
                }
                await source.close()
                return findings
            } catch {
                await source.close()
                throw error
            }
        }
    }

    /// What `body` finds; an error of it becomes a finding too.
    private func collect(_ subject: String, _ body: () async throws -> [Finding]) async -> [Finding] {
        do {
            return try await body()
        } catch {
            let failure = ErrorReport.failure(from: error)
            return [
                Finding(
                    .error, "\(subject)_\(failure.kind.rawValue)", subject: subject, failure.message,
                    remedy: failure.hint, kind: failure.kind)
            ]
        }
    }
}
