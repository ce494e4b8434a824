import Logging
import Model
import Replication
import ServiceLifecycle

/// Shows the progress board while the pipeline runs: a block that is drawn four times a second on a terminal, one log
/// line per interval elsewhere (the first after two seconds, and one when it ends).
struct ProgressDisplay: Service {
    let progress: Model.Progress
    let pipeline: String
    let console: Console
    let logger: Logger
    let showsBlock: Bool
    let interval: Duration

    /// Ends with the graceful shutdown or the cancellation of its group.
    func run() async throws {
        var meter = ProgressMeter()
        let ended = StopSignal()
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await tick(&meter, until: ended)
            } onCancel: {
                ended.stop()
            }
        } onGracefulShutdown: {
            ended.stop()
        }
        let last = meter.read(sample())
        if showsBlock || last.snapshot.phase != .starting { show(last) }
        console.release()
    }

    private func tick(_ meter: inout ProgressMeter, until ended: StopSignal) async {
        var pause: Duration = showsBlock ? .milliseconds(50) : min(.seconds(2), interval)
        while await !pausing(pause, until: ended) {
            show(meter.read(sample()))
            pause = showsBlock ? .milliseconds(250) : interval
        }
    }

    /// Whether the end came before the pause was over.
    private func pausing(_ pause: Duration, until ended: StopSignal) async -> Bool {
        await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                await ended.wait()
                return ended.isStopped
            }
            tasks.addTask {
                do { try await ContinuousClock().sleep(for: pause) } catch { return ended.isStopped }
                return false
            }
            let isOver = await tasks.next() ?? true
            tasks.cancelAll()
            return isOver
        }
    }

    private func sample() -> ProgressSample {
        ProgressSample(snapshot: progress.snapshot(), instant: .now, now: Timestamp.now())
    }

    private func show(_ reading: ProgressReading) {
        if showsBlock {
            console.show(ProgressRenderer(pipeline: pipeline, size: console.currentSize).lines(reading))
        } else {
            logger.info(ProgressLog.message(reading), metadata: ProgressLog.metadata(reading, pipeline: pipeline))
        }
    }
}
