import Logging
import Model

/// Makes the indexes that the configuration asks for, one after the other, once the rows of all tables are there: an
/// index over rows that are still to come would make every one of them dearer.
///
/// Nothing of it is stored: whatever is missing is made, so that a restart goes on with the next one. When it is cancelled
/// the target goes on with the one it is at, and the next start waits for that one.
struct IndexBuilds: Sendable {
    struct Job: Hashable, Sendable {
        let collection: String
        let index: CollectionIndex
        let omitsNulls: Bool
    }

    let target: any IndexTarget
    /// At least one.
    let jobs: [Job]
    let logger: Logger

    /// How often it is told how far an index is.
    private static let interval = Duration.seconds(10)
    /// How often one is tried that documents refuse which the stream may be about to change.
    private static let attempts = 3

    /// nil when every index is there.
    static func missing(
        _ tables: [TableState], settings: PipelineSettings, target: any IndexTarget, logger: Logger
    ) async throws -> IndexBuilds? {
        var jobs: [Job] = []
        for table in tables {
            guard let configured = settings.rules.settings(of: table), !configured.indexes.isEmpty else { continue }
            // An index that also fits documents with nulls fits those without.
            let omitsNulls = tables.filter { $0.collection == table.collection }
                .allSatisfy { settings.rules.mapping(of: $0).nulls == .omit }
            let missing = try await target.missing(configured.indexes, of: table.collection)
            jobs += missing.filter { index in
                // Another table of the collection may ask for it too.
                !jobs.contains { $0.collection == table.collection && $0.index == index }
            }.map { Job(collection: table.collection, index: $0, omitsNulls: omitsNulls) }
        }
        return jobs.isEmpty ? nil : IndexBuilds(target: target, jobs: jobs, logger: logger)
    }

    /// Returns when all are there, or can't be made: that stops nothing, is told, and is tried again at the next start.
    ///
    /// - Throws: `CancellationError`; `Failure` only of a kind that ends with the servers' being away.
    func run() async throws {
        for job in jobs { try await make(job) }
    }

    private func make(_ job: Job) async throws {
        let fields: Logger.Metadata = ["collection": "\(job.collection)", "index": "\(job.index.name)"]
        logger.info("making an index", metadata: fields)
        let begin = ContinuousClock.now
        for attempt in 1... {
            do {
                try await build(job, fields)
                let seconds = (ContinuousClock.now - begin) / .seconds(1)
                logger.info("index made", metadata: fields.merging(["seconds": "\(Int(seconds.rounded()))"]) { $1 })
                return
            } catch let failure as Failure where [.targetInterrupted, .unreachable].contains(failure.kind) {
                try Task.checkCancellation()
                logger.debug("an index has to wait", metadata: fields.merging(["reason": "\(failure.message)"]) { $1 })
                try await Task.sleep(for: .seconds(min(attempt, 10)))
            } catch let failure as Failure {
                // Values that are swapped are the same for a moment.
                if failure.kind == .dataRefused, attempt < IndexBuilds.attempts {
                    try await Task.sleep(for: .seconds(1))
                    continue
                }
                let hint = failure.hint.map { " (\($0))" } ?? ""
                logger.error(
                    "an index can't be made", metadata: fields.merging(["reason": "\(failure.message)\(hint)"]) { $1 })
                return
            }
        }
    }

    /// The build, with somebody beside it who tells how far it is.
    private func build(_ job: Job, _ fields: Logger.Metadata) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await target.build(job.index, of: job.collection, omitsNulls: job.omitsNulls)
            }
            group.addTask { try await watch(job, fields) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Until it is cancelled.
    private func watch(_ job: Job, _ fields: Logger.Metadata) async throws {
        while true {
            try await Task.sleep(for: IndexBuilds.interval)
            let share = await target.share(of: job.index, in: job.collection)
            let percent = share.map { ["percent": "\(Int($0 * 100))"] as Logger.Metadata } ?? [:]
            logger.info("making an index", metadata: fields.merging(percent) { $1 })
        }
    }
}
