import BSON
import Mapping
import Model

/// Copies every table from the slot's exported snapshot: several workers, each reading one range of pages at a time and
/// writing it while the next rows are being read.
struct InitialCopy {
    let snapshot: any SnapshotSource
    let sinks: [any CopySink]
    let store: any StateStore
    let pipeline: String
    let attempt: Int
    let plans: PlanTable
    let limits: BatchLimits
    let gate: ThrottleGate
    let progress: Progress

    /// Returns when every range of the board is written; its tables are kept up to date in the store.
    func run(_ board: CopyBoard) async throws {
        publish(board)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for sink in sinks {
                group.addTask {
                    try await copy(board, into: sink)
                    return true
                }
            }
            group.addTask {
                await save(board)
                return false
            }
            var working = sinks.count
            while working > 0, let isWorker = try await group.next() { working -= isWorker ? 1 : 0 }
            group.cancelAll()
        }
        // For show, like every save before it: the stage says what counts.
        try? await store.saveProgress(board.tables, of: pipeline)
    }

    private func copy(_ board: CopyBoard, into sink: any CopySink) async throws {
        guard !board.isDrained else { return }
        let reader = try await snapshot.openReader()
        do {
            while let range = board.next() {
                try Task.checkCancellation()
                try await copy(range, board, from: reader, into: sink)
                board.finish(range)
                publish(board)
            }
        } catch {
            await reader.close()
            throw error
        }
        await reader.close()
    }

    private func copy(_ range: CopyRange, _ board: CopyBoard, from reader: any SnapshotReader, into sink: any CopySink)
        async throws
    {
        let plan = try plans.plan(for: range.table)
        let table = range.table.schema.name
        let ledger = board.wasEmpty(table) ? nil : attempt
        try await reader.start(range)
        var pending = try await read(reader, plan: plan, needsKeys: ledger != nil)
        while let writes = pending {
            async let written: Void = sink.write(writes, ledger: ledger)
            pending = try await read(reader, plan: plan, needsKeys: ledger != nil)
            try await written
            board.add(writes.writes.count, to: table)
            PipelineMetrics.copied(writes.writes.count)
            publish(board)
        }
    }

    /// The next rows, as documents; nil when the range is finished.
    private func read(_ reader: any SnapshotReader, plan: MappingPlan, needsKeys: Bool) async throws
        -> CollectionWrites?
    {
        _ = try await gate.pass(0)
        let writes = CollectionWrites(
            collection: plan.collection, hasSpecialNames: plan.needsSetField, capacity: 1 << 20)
        let most = gate.limit(limits.operations)
        let readSize = most < limits.operations ? InitialCopy.slowReadSize : InitialCopy.readSize
        while writes.writes.count < most, writes.arena.count < min(limits.bytes, InitialCopy.batchBytes) {
            let rows = try await reader.next(maxBytes: readSize)
            if rows.isEmpty { break }
            for row in rows {
                // The key is in the document too; apart it is needed only where documents are overwritten.
                let key = needsKeys ? try plan.encodeKey(row, into: &writes.arena) : 0..<0
                let body = try plan.encodeDocument(row, into: &writes.arena)
                writes.writes.append(DocumentWrite(kind: .insert, key: key, body: body))
            }
        }
        gate.charge(writes.writes.count)
        return writes.writes.isEmpty ? nil : writes
    }

    /// Bytes of one write: rows that are wide should not cost memory for every worker twice.
    private static let batchBytes = 4 << 20

    /// Bytes read from the source at once.
    private static let readSize = 512 * 1024

    /// The same where a second is worth less than a batch.
    private static let slowReadSize = 16 * 1024

    private func publish(_ board: CopyBoard) {
        let rows = board.tables
        progress.update { snapshot in
            snapshot.tables = rows.map { table in
                var entry = TableProgress(
                    table: table.table, collection: table.collection, estimatedRows: table.estimatedRows)
                entry.copiedRows = table.copiedRows
                entry.isFinished = table.copyStage == .finished
                return entry
            }
        }
    }

    /// Writes the board to the state database once a second, for `status`, and reads there how fast it may go.
    private func save(_ board: CopyBoard) async {
        while !Task.isCancelled {
            // Only for show: a target that is away is the writers' matter.
            try? await store.saveProgress(board.tables, of: pipeline)
            if let set = try? await store.limits(of: pipeline) { gate.follow(set) }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
