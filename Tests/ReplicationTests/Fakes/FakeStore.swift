import Model
import Synchronization

/// A state database in memory, with the conditions a real one has.
final class FakeStore: StateStore {
    var session: SessionID { get async throws { SessionID(bytes: [UInt8](repeating: 8, count: 16)) } }

    struct State: Sendable {
        var pipelines: [String: PipelineState] = [:]
        var tables: [String: [TableState]] = [:]
        var progress: [[TableState]] = []
        var notes: [LastError?] = []
        var failures: [String: [Failure]] = [:]
        var limits = BackfillLimits()
        var rereads: [Reread] = []
        var left: Set<LeftTable> = []
        var held = HeldLetters()
        var letterOrders: Int64 = 0
        /// Left by the worker, the newest last.
        var workerNotes: [WorkerNote] = []
        var checkpoint: (@Sendable () -> Checkpoint)?
    }

    private let state = Mutex(State())

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    var snapshot: State { state.withLock { $0 } }

    private func fail(_ call: String) throws {
        try state.withLock { state in
            guard let failure = state.failures[call]?.first else { return }
            state.failures[call]?.removeFirst()
            throw failure
        }
    }

    /// The checkpoint is the sink's, as in a real target: both write the same document.
    func load(_ pipeline: String) async throws -> PipelineState? {
        try fail("load")
        return state.withLock { state in
            guard var found = state.pipelines[pipeline] else { return nil }
            if found.checkpoint != nil, let current = state.checkpoint { found.checkpoint = current() }
            return found
        }
    }

    func all() async throws -> [PipelineState] {
        state.withLock { $0.pipelines.values.sorted { $0.pipeline < $1.pipeline } }
    }

    func tables(of pipeline: String) async throws -> [TableState] { state.withLock { $0.tables[pipeline] ?? [] } }

    func create(_ new: PipelineState, tables: [TableState]) async throws {
        try fail("create")
        try state.withLock { state in
            guard state.pipelines[new.pipeline] == nil else { throw Failure(.inUse, "the pipeline exists") }
            state.pipelines[new.pipeline] = new
            state.tables[new.pipeline] = tables
        }
    }

    func takeOver(_ taken: PipelineState, sessions: [SessionID], worker: WorkerIdentity) async throws -> PipelineState {
        try fail("takeOver")
        return try state.withLock { state in
            guard state.pipelines[taken.pipeline]?.epoch == taken.epoch else {
                throw Failure(.inUse, "another worker was faster")
            }
            var next = taken
            next.epoch += 1
            next.sessions = sessions
            next.worker = worker
            state.pipelines[taken.pipeline] = next
            return next
        }
    }

    func save(_ saved: PipelineState) async throws {
        try fail("save")
        try state.withLock { state in
            guard state.pipelines[saved.pipeline]?.epoch == saved.epoch else {
                throw Failure(.fenced, "the epoch has moved on")
            }
            state.pipelines[saved.pipeline] = saved
        }
    }

    func saveProgress(_ tables: [TableState], of pipeline: String) async throws {
        try fail("saveProgress")
        state.withLock { $0.progress.append(tables) }
    }

    func saveBackfills(_ tables: [TableState], of saved: PipelineState) async throws {
        try fail("saveBackfills")
        let pipeline = saved.pipeline
        state.withLock { state in
            for table in tables {
                guard let index = state.tables[pipeline]?.firstIndex(where: { $0.route == table.route }) else {
                    continue
                }
                guard state.tables[pipeline]?[index].wanted == table.wanted else { continue }
                state.tables[pipeline]?[index].backfill = table.backfill
                state.tables[pipeline]?[index].wanted = nil
                state.tables[pipeline]?[index].refusal = nil
            }
        }
    }

    private func edit(_ table: TableState, of pipeline: String, _ body: (inout TableState) -> Void) -> Bool {
        state.withLock { state in
            guard let index = state.tables[pipeline]?.firstIndex(where: { $0.route == table.route }),
                var found = state.tables[pipeline]?[index], found.wanted == table.wanted,
                found.backfill?.startedAt == table.backfill?.startedAt
            else { return false }
            body(&found)
            state.tables[pipeline]?[index] = found
            return true
        }
    }

    func want(_ tables: [TableState], of saved: PipelineState) async throws {
        try fail("want")
        state.withLock { state in
            for table in tables {
                guard let index = state.tables[saved.pipeline]?.firstIndex(where: { $0.route == table.route }) else {
                    continue
                }
                state.tables[saved.pipeline]?[index].wanted = table.wanted
            }
        }
    }

    func refuse(_ table: TableState, because reason: Failure, of pipeline: String) async throws {
        _ = edit(table, of: pipeline) {
            $0.refusal = reason
            if $0.wanted == nil { $0.backfill?.isCancelled = true }
            $0.wanted = nil
        }
    }

    func ask(_ request: BackfillRequest, of table: TableState, in pipeline: String) async throws -> Bool {
        edit(table, of: pipeline) { $0.wanted = request }
    }

    func order(_ order: BackfillOrder, of table: TableState, in pipeline: String) async throws -> Bool {
        edit(table, of: pipeline) { table in
            switch order {
            case .pause: table.backfill?.isPaused = true
            case .resume: table.backfill?.isPaused = false
            case .cancel where table.wanted != nil: table.wanted = nil
            case .cancel: table.backfill?.isCancelled = true
            }
        }
    }

    func orders(of pipeline: String) async throws -> [Route: BackfillOrders] {
        try fail("orders")
        return state.withLock { state in
            Dictionary(uniqueKeysWithValues: (state.tables[pipeline] ?? []).map { ($0.route, $0.orders) })
        }
    }

    func write(_ updates: [TableUpdate], of saved: PipelineState) async throws {
        try fail("write")
        state.withLock { state in
            let stored = Set(updates.map(\.stored))
            let others = (state.tables[saved.pipeline] ?? []).filter { !stored.contains($0.route) }
            state.tables[saved.pipeline] = (others + updates.map(\.table)).sorted { $0.route < $1.route }
        }
    }

    func remove(_ tables: [TableState], of saved: PipelineState) async throws {
        try fail("removeTables")
        state.withLock { state in
            state.tables[saved.pipeline]?.removeAll { table in tables.contains { $0.route == table.route } }
            let staying = Set((state.tables[saved.pipeline] ?? []).map(\.table))
            let left = tables.names.filter { !staying.contains($0) }
            state.left.formUnion(left.map { LeftTable(table: $0, isOrdered: false) })
        }
    }

    func join(_ table: TableState, in pipeline: String) async throws -> Bool {
        state.withLock { state in
            state.left = state.left.filter { $0.table != table.table }
            guard state.tables[pipeline]?.contains(where: { $0.route == table.route }) != true else { return false }
            state.tables[pipeline, default: []].append(table)
            return true
        }
    }

    func order(_ order: TableOrder, of table: TableName, in pipeline: String) async throws -> Bool {
        state.withLock { state in
            let places = (state.tables[pipeline] ?? []).indices.filter { state.tables[pipeline]?[$0].table == table }
            for index in places {
                switch order {
                case .acceptChange: state.tables[pipeline]?[index].acceptsChange = true
                case .leave(let deletesDocuments):
                    state.tables[pipeline]?[index].membership = .leaving(deletesDocuments: deletesDocuments)
                    state.left.insert(LeftTable(table: table, isOrdered: true))
                }
            }
            return !places.isEmpty
        }
    }

    func leftTables(of pipeline: String) async throws -> Set<LeftTable> { state.withLock { $0.left } }

    func replaceCheckpoint(_ checkpoint: Checkpoint, of saved: PipelineState) async throws {
        try fail("replaceCheckpoint")
        state.withLock { $0.pipelines[saved.pipeline]?.checkpoint = checkpoint }
    }

    func rereads(of pipeline: String, _ cause: Reread.Cause?, limit: Int) async throws -> [Reread] {
        let all = state.withLock { $0.rereads.filter { cause == nil || $0.cause == cause } }
        return limit > 0 ? Array(all.prefix(limit)) : all
    }

    func heldLetters(of pipeline: String) async throws -> HeldLetters {
        state.withLock { state in
            var held = state.held
            held.orders = state.letterOrders
            return held
        }
    }

    func letterOrders(of pipeline: String) async throws -> Int64 { state.withLock { $0.letterOrders } }

    func note(_ error: LastError?, of pipeline: String, epoch: Int64) async throws {
        try fail("note")
        state.withLock { state in
            guard state.pipelines[pipeline]?.epoch == epoch else { return }
            state.notes.append(error)
        }
    }

    func retire(_ retired: PipelineState) async throws {
        try fail("retire")
        try state.withLock { state in
            guard let found = state.pipelines[retired.pipeline] else { return }
            guard found.epoch == retired.epoch else { throw Failure(.fenced, "the epoch has moved on") }
            state.pipelines[retired.pipeline] = nil
            state.tables[retired.pipeline] = nil
        }
    }

    func remove(_ pipeline: String) async throws {
        state.withLock { state in
            state.pipelines[pipeline] = nil
            state.tables[pipeline] = nil
        }
    }

    func limits(of pipeline: String) async throws -> BackfillLimits {
        try fail("limits")
        return state.withLock { $0.limits }
    }

    func setLimits(_ changes: [BackfillLimits.Key: BackfillLimits.Bound?], of pipeline: String) async throws {
        state.withLock { state in
            for (key, bound) in changes { state.limits.bounds[key] = bound }
        }
    }

    func workerNote(of pipeline: String) async throws -> WorkerNote? { state.withLock { $0.workerNotes.last } }

    func leave(_ note: WorkerNote, of pipeline: String) async throws {
        try fail("leave")
        state.withLock { $0.workerNotes.append(note) }
    }
}
