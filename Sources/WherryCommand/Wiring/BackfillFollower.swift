import Logging
import Model
import Mongo
import Postgres
import Replication

/// Watches a backfill, which the pipeline's worker makes, in the state database; and whether there is a worker.
struct BackfillFollower {
    let source: PostgresSource
    let store: MongoStateStore
    let pipeline: String
    let route: Route
    let progress: Model.Progress
    let logger: Logger

    /// - Parameter asked: what it returns with when `stop` comes first: the backfill goes on without anybody watching.
    /// - Throws: when the worker has given the backfill up, a `Failure` of the kind it gives for that.
    func follow(_ asked: BackfillReport, stop: StopSignal) async throws -> BackfillReport {
        var report = asked
        var absence = WorkerAbsence(progress: progress, logger: logger)
        progress.update { $0.phase = .copying }
        while !stop.isStopped {
            guard let state = try await store.tables(of: pipeline).first(where: { $0.route == route }) else {
                throw Failure(
                    .configuration, "pipeline \(pipeline) was removed meanwhile", hint: "Somebody ran `wherry drop`.")
            }
            if let reason = state.refusal {
                throw Failure(
                    reason.kind, "the backfill of table \(route) was given up: \(reason.message)",
                    hint: "Mend that, then ask again. What it has written stays, and the stream goes on.")
            }
            show(state, &report)
            if state.wanted == nil, let outcome = try await outcome(of: state) {
                report.outcome = outcome
                break
            }
            let isActive = try? await stop.cancelling { [source] in try await source.activeWorker() != nil }
            absence.look(isActive: isActive)
            try? await stop.cancelling { try await Task.sleep(for: .seconds(1)) }
        }
        if stop.isStopped, [.asked, .resumed].contains(report.outcome), report.rowsRead != nil {
            report.outcome = .underWay
        }
        return report
    }

    /// nil while it is under way.
    private func outcome(of state: TableState) async throws -> BackfillReport.Outcome? {
        guard let backfill = state.backfill else { return .cancelled }
        if backfill.isFinished {
            let rereads = try await store.rereads(of: pipeline, .backfill, limit: 0)
            return rereads.contains(where: state.part.contains) ? nil : .finished
        }
        return backfill.isPaused ? .paused : nil
    }

    private func show(_ state: TableState, _ report: inout BackfillReport) {
        guard state.wanted == nil, let backfill = state.backfill else { return }
        report.rowsRead = backfill.rows
        report.documentsRemoved = backfill.sweep?.removed
        var entry = TableProgress(
            table: route.table, collection: state.collection, estimatedRows: state.estimatedRows)
        entry.copiedRows = backfill.rows
        entry.isFinished = backfill.isFinished
        progress.update { $0.tables = [entry] }
    }
}
