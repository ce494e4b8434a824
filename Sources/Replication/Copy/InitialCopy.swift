import Model

/// The initial copy as its leader makes it: publishes the ranges of the slot's exported snapshot, copies with workers
/// of its own beside those of programs that join, and takes over what these leave.
struct InitialCopy: Sendable {
    let workers: CopyWorkers
    let store: any StateStore
    let progress: Progress

    /// Returns when every range is written, whoever has done it.
    ///
    /// - Parameters:
    ///   - ranges: in the order of copying.
    ///   - tables: the tables' states; their stages and counts are kept up to date in the store.
    func run(_ ranges: [CopyRange], tables: [TableState]) async throws {
        try await workers.ranges.publish(workers.copy, ranges)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await finishRanges()
                return true
            }
            group.addTask {
                await keepUp(tables, every: ranges.count > 1000 ? .seconds(2) : .milliseconds(250))
                return false
            }
            while let isFinished = try await group.next(), !isFinished {}
            group.cancelAll()
        }
        // For show, like every save before it: the stage says what counts.
        try? await store.saveProgress(try await publish(tables), of: workers.copy.pipeline)
    }

    /// Ranges that others have are waited for; those that they have left are claimed.
    private func finishRanges() async throws {
        var pause = Duration.milliseconds(5)
        while true {
            try await workers.run()
            let open = try await workers.ranges.progress(of: workers.copy).reduce(0) { $0 + $1.openRanges }
            if open == 0 { return }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(500))
        }
    }

    /// Keeps the leases, and what people see; once a second for `status` too, and reads there how fast it may go.
    private func keepUp(_ tables: [TableState], every interval: Duration) async {
        var saved = ContinuousClock.now - .seconds(1)
        while !Task.isCancelled {
            // A target that is away is the writers' matter.
            if .now - saved >= .seconds(1) { try? await workers.keepLeases(asLeader: true) }
            if let current = try? await publish(tables), .now - saved >= .seconds(1) {
                try? await store.saveProgress(current, of: workers.copy.pipeline)
                if let set = try? await store.limits(of: workers.copy.pipeline) { workers.gate.follow(set) }
                saved = .now
            }
            try? await Task.sleep(for: interval)
        }
    }

    private func publish(_ tables: [TableState]) async throws -> [TableState] {
        let current = try await workers.ranges.progress(of: workers.copy).applied(to: tables)
        progress.show(current)
        return current
    }
}

extension [SharedTableProgress] {
    /// The tables' states as far as everybody has come. A table without ranges is finished.
    func applied(to tables: [TableState]) -> [TableState] {
        let found = Dictionary(map { ($0.route, $0) }, uniquingKeysWith: { first, _ in first })
        return tables.map { table in
            var table = table
            let shared = found[table.route]
            table.copiedRows = shared?.rows ?? 0
            table.estimatedRows = shared?.estimatedRows ?? 0
            let isBegun = table.copiedRows > 0 || shared.map { $0.openRanges < $0.ranges } ?? false
            table.copyStage = (shared?.openRanges ?? 0) == 0 ? .finished : isBegun ? .copying : .waiting
            return table
        }
    }
}

extension Progress {
    /// Shows how far the tables of a copy are.
    func show(_ tables: [TableState]) {
        update { snapshot in
            snapshot.tables = tables.map { table in
                var entry = TableProgress(
                    table: table.table, collection: table.collection, estimatedRows: table.estimatedRows)
                entry.copiedRows = table.copiedRows
                entry.isFinished = table.copyStage == .finished
                return entry
            }
        }
    }
}
