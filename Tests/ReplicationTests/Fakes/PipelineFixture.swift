import Logging
import Model

@testable import Replication

/// A pipeline of one or more sample tables with everything around it in memory.
struct PipelineFixture: Sendable {
    /// The only table, where a test doesn't want others.
    static let table = SampleTable()

    let tables: [SampleTable]
    let source: FakeSource
    let store = FakeStore()
    let ranges = FakeRanges()
    let target = FakeTarget()
    let sink: RecordingSink
    let copySinks: [FakeCopySink]
    let progress = Progress()
    let stop = StopSignal()
    var settings: PipelineSettings

    init(
        tables: [SampleTable] = [PipelineFixture.table], snapshot: FakeSnapshot = FakeSnapshot([:]),
        copySinks: [FakeCopySink] = [FakeCopySink(2), FakeCopySink(3)], sink: RecordingSink = RecordingSink(),
        acquiring: Gate = Gate(isOpen: true),
        streams: @escaping @Sendable (LSN) -> ScriptedStream = { _ in ScriptedStream(EventScript()) }
    ) {
        self.tables = tables
        self.sink = sink
        self.copySinks = copySinks
        source = FakeSource(tables, acquiring: acquiring, reader: { snapshot }, streams: streams)
        settings = PipelineSettings(
            pipeline: "p", slot: "wherry_p", publication: "wherry_p", targetDatabase: "shop",
            worker: WorkerIdentity(host: "h", pid: 1, startedAt: SourceTime(microseconds: 0)))
        store.change { $0.checkpoint = { sink.checkpoint } }
        for sink in copySinks { sink.use(ranges) }
    }

    var ports: PipelinePorts {
        PipelinePorts(
            source: source, target: target, store: store, ranges: ranges, sink: sink,
            makeCopySinks: { [copySinks] in copySinks },
            catalogTables: { [tables] _ in tables.map(\.source) }, catalogue: { [] })
    }

    var logger: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

    var lease: PipelineLease { PipelineLease(settings: settings, ports: ports, progress: progress, logger: logger) }

    var pipeline: Pipeline {
        Pipeline(settings: settings, ports: ports, progress: progress, stop: stop, logger: logger)
    }

    var stored: PipelineState? { store.snapshot.pipelines["p"] }

    /// As if an earlier worker had left the pipeline in this state.
    func leave(
        _ stage: PipelineState.Stage, epoch: Int64 = 4, copyAttempt: Int = 1,
        _ change: (inout PipelineState) -> Void = { _ in }
    ) {
        var state = PipelineState(
            pipeline: "p", stage: stage, stageSince: SourceTime(microseconds: 0),
            source: SourceIdentity(systemIdentifier: "7", timeline: 1, database: "shop", serverVersion: 150_020),
            slot: "wherry_p", publication: "wherry_p", targetDatabase: "shop", epoch: epoch, sessions: [],
            checkpoint: stage == .streaming ? sink.checkpoint : nil, copyAttempt: copyAttempt, worker: settings.worker)
        change(&state)
        store.change { [state] in
            $0.pipelines["p"] = state
            $0.tables["p"] = tables.map(\.state)
        }
    }
}
