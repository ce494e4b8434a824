import Logging
import Model
import Mongo
import Postgres

/// Runs both halves of the preflight side by side. Changes nothing.
struct CheckWiring: Sendable {
    let settings: Settings
    let logger: Logger

    func findings() async -> [Finding] {
        async let source = sourceFindings()
        async let target = targetFindings()
        return await source + target
    }

    private func sourceFindings() async -> [Finding] {
        do {
            let source = try Endpoint.source(settings, logger: logger)
            let tables = try await Endpoint.tables(source, settings)
            await source.close()
            return tables.flatMap { Endpoint.typeFindings($0) }
        } catch {
            return [finding(error, subject: "source")]
        }
    }

    private func targetFindings() async -> [Finding] {
        do {
            let pool = try MongoPool(
                uri: settings.target.uri.reveal(), applicationName: Endpoint.applicationName(settings))
            return await MongoPreflight(pool: pool, stateDatabase: settings.target.stateDatabase).findings()
        } catch {
            return [finding(error, subject: "target")]
        }
    }

    private func finding(_ error: any Error, subject: String) -> Finding {
        let failure = ErrorReport.failure(from: error)
        return Finding(
            .error, "\(subject)_\(failure.kind.rawValue)", subject: subject, failure.message, remedy: failure.hint,
            kind: failure.kind)
    }
}
