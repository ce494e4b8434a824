import Model
import Synchronization

/// A snapshot in memory: rows by table and first page.
final class FakeSnapshot: SnapshotSource {
    struct Place: Hashable, Sendable {
        let table: TableName
        let firstPage: UInt32?
    }

    private let rows: [Place: [Row]]
    private let failing: (@Sendable (CopyRange, Int) -> Failure?)?
    let gate: Gate
    private let closed = Mutex(0)
    private let opened = Mutex(0)

    /// - Parameter failing: asked before each read with the range and the number of rows read from it.
    init(
        _ rows: [Place: [Row]], gate: Gate = Gate(isOpen: true),
        failing: (@Sendable (CopyRange, Int) -> Failure?)? = nil
    ) {
        self.rows = rows
        self.gate = gate
        self.failing = failing
    }

    var openReaders: Int { opened.withLock { $0 } - closed.withLock { $0 } }

    func openReader() async throws -> any SnapshotReader {
        opened.withLock { $0 += 1 }
        return Reader(snapshot: self)
    }

    final class Reader: SnapshotReader {
        private let snapshot: FakeSnapshot
        private let current = Mutex<(range: CopyRange, next: Int)?>(nil)

        init(snapshot: FakeSnapshot) { self.snapshot = snapshot }

        func start(_ range: CopyRange) async throws { current.withLock { $0 = (range, 0) } }

        func next(maxBytes: Int) async throws -> [Row] {
            guard let (range, next) = current.withLock({ $0 }) else { return [] }
            if let failure = snapshot.failing?(range, next) { throw failure }
            try await snapshot.gate.pass()
            let place = Place(table: range.table.schema.name, firstPage: range.firstPage)
            let rows = (snapshot.rows[place] ?? []).dropFirst(next).prefix(7)
            current.withLock { $0?.next += rows.count }
            return Array(rows)
        }

        func close() async { snapshot.closed.withLock { $0 += 1 } }
    }
}
