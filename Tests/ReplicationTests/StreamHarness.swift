import Model

@testable import Replication

/// Preparer and writer side by side, fed from a script instead of a connection.
struct StreamHarness {
    let tables: [SampleTable]
    let script: EventScript
    var limits = BatchLimits()
    /// A column without which a row has to be read again.
    var needing: String?
    var refusals = RefusalPolicies()
    var filter: @Sendable () -> ChunkFilter? = { nil }
    /// Later versions of the tables, that the script announces.
    var successors: [SampleTable] = []
    /// Frames pushed at once: the writer may find work in between.
    var chunk = 1000

    /// Runs from `checkpoint` until the end of the script is applied, or something throws.
    func run(into sink: RecordingSink, from given: Checkpoint? = nil, until target: LSN? = nil) async throws {
        let checkpoint = given ?? sink.checkpoint
        let source = FakeSource(tables + successors) { _ in ScriptedStream(EventScript()) }
        let queue = FrameQueue()
        let handoff = StepHandoff(onWanted: { queue.poke() })
        let limits = AdaptiveLimits(limits)
        let plans = PlanTable(tables: tables.map(\.state), rules: SampleTable.rules(tables, needing: needing))
        let frames = script.frames
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var preparer = ChangePreparer(
                    from: checkpoint, limits: limits, source: source, decoder: ScriptedDecoder(script: script),
                    plans: plans, handoff: handoff, filter: filter(), refusals: refusals)
                try await preparer.run(queue)
            }
            group.addTask {
                var writer = BatchWriter(
                    sink: sink, handoff: handoff, positions: StreamPositions(start: checkpoint.lsn),
                    progress: Progress(), limits: limits, target: StreamTarget(target ?? script.end),
                    checkpoint: checkpoint, held: HeldKeys(HeldLetters(), of: "p"),
                    refusals: refusals)
                _ = try await writer.run()
            }
            group.addTask {
                // As the receiver does every now and then.
                while !Task.isCancelled {
                    queue.poke()
                    try? await Task.sleep(for: .milliseconds(20))
                }
            }
            for start in stride(from: 0, to: frames.count, by: chunk) {
                queue.push(Array(frames[start..<min(start + chunk, frames.count)]))
                await Task.yield()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
