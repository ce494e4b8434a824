import Foundation
import Logging
import Model
import Replication
import ServiceLifecycle
import Synchronization
import UnixSignals

/// One `wherry run`: the pipeline, its display and the signals, from start to the last line.
struct RunSession: Sendable {
    let request: RunRequest
    let context: ProgramContext
    let logger: Logger
    let showsBlock: Bool

    /// - Returns: how it ended.
    /// - Throws: the pipeline's own error.
    func run() async throws -> RunReport {
        // A reader of our output that goes away is no reason to stop.
        signal(SIGPIPE, SIG_IGN)
        let progress = Model.Progress()
        let outcome = Mutex<RunOutcome?>(nil)
        let start = ContinuousClock.now
        logger.info("starting", metadata: startMetadata)

        let pipeline = PipelineService(stop: StopSignal()) { stop in
            let result = try await context.backend.run(request, progress, logger, stop)
            outcome.withLock { $0 = result }
        }
        let display = ProgressDisplay(
            progress: progress, pipeline: request.settings.pipeline, console: context.console, logger: logger,
            showsBlock: showsBlock, interval: request.progressInterval)
        try await runServices(pipeline: pipeline, display: display, progress: progress)

        let report = RunReport(
            pipeline: request.settings.pipeline, outcome: outcome.withLock { $0 } ?? .stopped,
            progress: progress.snapshot(), seconds: (ContinuousClock.now - start).inSeconds)
        logger.info("finished", metadata: report.metadata)
        return report
    }

    /// The display is listed first, so it is the last to stop and shows the pipeline's stopping.
    private func runServices(
        pipeline: PipelineService, display: ProgressDisplay, progress: Model.Progress
    ) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: display, successTerminationBehavior: .ignore, failureTerminationBehavior: .ignore),
                    .init(
                        service: pipeline, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup),
                ], logger: quietLogger))
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let watch = SignalWatch(
            onFirst: { signal in
                logger.notice(
                    "stop requested: finishing the batch, a second signal stops at once",
                    metadata: [LogKey.signal.rawValue: "\(signal)"])
                progress.update { $0.phase = .stopping }
                await group.triggerGracefulShutdown()
            },
            onSecond: { signal in
                logger.warning("stopping at once", metadata: [LogKey.signal.rawValue: "\(signal)"])
                _exit(128 + signal.rawValue)
            })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await watch.run(signals) }
            defer { tasks.cancelAll() }
            try await group.run()
        }
    }

    private var startMetadata: Logger.Metadata {
        var fields: Logger.Metadata = [:]
        fields[key: .pipeline] = "\(request.settings.pipeline)"
        fields[key: .version] = "\(VersionReport.version)"
        fields[key: .source] = "\(request.settings.source.uri.safe)"
        fields[key: .target] = "\(request.settings.target.uri.safe)"
        fields[key: .slot] = "\(request.settings.source.slot)"
        fields[key: .publication] = "\(request.settings.source.publication)"
        fields[key: .stateDatabase] = "\(request.settings.target.stateDatabase)"
        return fields
    }

    /// The service group's own lines say nothing an operator needs.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = .critical
        return quiet
    }
}
