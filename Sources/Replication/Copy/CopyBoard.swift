import Model
import Synchronization

/// Which ranges are still to be copied, and how far each table is. Shared by the copy's workers.
final class CopyBoard: Sendable {
    private struct State {
        var ranges: ArraySlice<CopyRange>
        var tables: [TableState]
        var openRanges: [TableName: Int]
    }

    private let state: Mutex<State>
    private let position: [TableName: Int]

    init(_ ranges: [CopyRange], tables: [TableState]) {
        position = Dictionary(
            tables.enumerated().map { ($1.table, $0) }, uniquingKeysWith: { first, _ in first })
        var open: [TableName: Int] = [:]
        var estimates: [TableName: Int] = [:]
        for range in ranges {
            open[range.table.schema.name, default: 0] += 1
            estimates[range.table.schema.name, default: 0] += range.estimatedRows
        }
        let fresh = tables.map { table in
            var table = table
            table.copiedRows = 0
            table.estimatedRows = estimates[table.table] ?? 0
            table.copyStage = open[table.table] == nil ? .finished : .waiting
            return table
        }
        state = Mutex(State(ranges: ranges[...], tables: fresh, openRanges: open))
    }

    var tables: [TableState] { state.withLock { $0.tables } }
    var isDrained: Bool { state.withLock { $0.ranges.isEmpty } }

    func wasEmpty(_ table: TableName) -> Bool { position[table].map { tables[$0].wasEmpty } ?? true }

    func next() -> CopyRange? {
        state.withLock { state in
            guard let range = state.ranges.popFirst() else { return nil }
            if let index = position[range.table.schema.name] { state.tables[index].copyStage = .copying }
            return range
        }
    }

    func add(_ rows: Int, to table: TableName) {
        state.withLock { state in
            if let index = position[table] { state.tables[index].copiedRows += rows }
        }
    }

    func finish(_ range: CopyRange) {
        let table = range.table.schema.name
        state.withLock { state in
            state.openRanges[table, default: 1] -= 1
            if state.openRanges[table] == 0, let index = position[table] { state.tables[index].copyStage = .finished }
        }
    }
}
