import Model
import Synchronization

/// How many rows this program has written, by table.
final class CopyTally: Sendable {
    private let state = Mutex<[TableName: Int]>([:])

    func add(_ rows: Int, to table: TableName) { state.withLock { $0[table, default: 0] += rows } }

    var rows: [TableName: Int] { state.withLock { $0 } }
}
