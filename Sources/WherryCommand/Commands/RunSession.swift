import Foundation
import Logging
import Model
import Replication
import ServiceLifecycle
import Synchronization
import UnixSignals

/// One piece of a pipeline's work, `wherry run`, `snapshot` or `backfill --wait`: with its display and the signals,
/// from start to end.
struct RunSession: Sendable {
    let settings: Settings
    let usesSlot: Bool
    /// Between two progress lines of the log.
    let interval: Duration
    let context: ProgramContext
    let logger: Logger
    let showsBlock: Bool
    /// Logged at the first signal.
    let stopMessage: String

    /// What came of it, and what the board showed at the end.
    struct End<Outcome: Sendable>: Sendable {
        /// nil when the work was not even begun.
        let outcome: Outcome?
        let progress: ProgressSnapshot
        let seconds: Double
    }

    init(
        settings: Settings, usesSlot: Bool = true, interval: Duration, context: ProgramContext, logger: Logger,
        output: OutputOptions,
        stopMessage: String = "stop requested: finishing the batch, a second signal stops at once"
    ) throws {
        self.settings = settings
        self.usesSlot = usesSlot
        self.interval = interval
        self.context = context
        self.logger = logger
        self.stopMessage = stopMessage
        let isText = try output.format(environment: context.environment) == .text
        showsBlock = context.console.isTerminal && isText && !output.json
    }

    /// - Parameter work: ends soon after it is asked to stop.
    /// - Throws: the work's own error.
    func run<Outcome: Sendable>(
        _ work: @escaping @Sendable (Model.Progress, StopSignal) async throws -> Outcome
    ) async throws -> End<Outcome> {
        // A reader of our output that goes away is no reason to stop.
        signal(SIGPIPE, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let progress = Model.Progress()
        let outcome = Mutex<Outcome?>(nil)
        let start = ContinuousClock.now
        // From here on a signal is an orderly end.
        logger.info("starting", metadata: startMetadata)

        let pipeline = PipelineService(stop: StopSignal()) { stop in
            let result = try await work(progress, stop)
            outcome.withLock { $0 = result }
        }
        let display = ProgressDisplay(
            progress: progress, pipeline: settings.pipeline, console: context.console, logger: logger,
            showsBlock: showsBlock, interval: interval)
        try await runServices(pipeline: pipeline, display: display, progress: progress, signals)
        return End(
            outcome: outcome.withLock { $0 }, progress: progress.snapshot(),
            seconds: (ContinuousClock.now - start).inSeconds)
    }

    /// The display is listed first, so it is the last to stop and shows the pipeline's stopping.
    private func runServices(
        pipeline: PipelineService, display: ProgressDisplay, progress: Model.Progress, _ signals: UnixSignalsSequence
    ) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: display, successTerminationBehavior: .ignore, failureTerminationBehavior: .ignore),
                    .init(
                        service: pipeline, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup),
                ], logger: quietLogger))
        let watch = SignalWatch(
            onFirst: { signal in
                logger.notice("\(stopMessage)", metadata: [LogKey.signal.rawValue: "\(signal)"])
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
        fields[key: .pipeline] = "\(settings.pipeline)"
        fields[key: .version] = "\(VersionReport.version)"
        fields[key: .source] = "\(settings.source.uri.safe)"
        fields[key: .target] = "\(settings.target.uri.safe)"
        if usesSlot {
            fields[key: .slot] = "\(settings.source.slot)"
            fields[key: .publication] = "\(settings.source.publication)"
        }
        fields[key: .stateDatabase] = "\(settings.target.stateDatabase)"
        return fields
    }

    /// The service group's own lines say nothing an operator needs.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = .critical
        return quiet
    }
}
