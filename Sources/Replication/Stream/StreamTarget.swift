import Model
import Synchronization

/// Where a stream is to end: known from the start, or once the backfill beside it is finished; nil for never.
final class StreamTarget: Sendable {
    private let state: Mutex<LSN?>

    init(_ position: LSN? = nil) { state = Mutex(position) }

    var position: LSN? {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    func isReached(by checkpoint: Checkpoint) -> Bool { position.map { checkpoint.lsn >= $0 } ?? false }
}
