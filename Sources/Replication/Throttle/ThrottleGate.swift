import Model
import Synchronization

/// Where the readers of a backfill wait until the throttle lets them read on. What is being read is finished first.
final class ThrottleGate: Sendable {
    private let throttle: Mutex<BackfillThrottle>
    /// What the configuration says; what is set while running stands over it.
    private let configured: BackfillLimits

    /// How soon a change is noticed by those who wait.
    private static let patience = Duration.milliseconds(200)

    init(_ configured: BackfillLimits, set: BackfillLimits = BackfillLimits()) {
        self.configured = configured
        throttle = Mutex(BackfillThrottle(set.over(configured)))
    }

    /// Returns when something may be read.
    ///
    /// - Parameter rows: how many the caller would read at most.
    /// - Returns: how many it may read; they count as read.
    func pass(_ rows: Int) async throws -> Int {
        while true {
            try Task.checkCancellation()
            switch throttle.withLock({ $0.ask(for: rows, at: .now) }) {
            case .read(let rows): return rows
            case .wait(let time): try await Task.sleep(for: min(time ?? ThrottleGate.patience, ThrottleGate.patience))
            }
        }
    }

    /// Rows were read without having been asked for, or, if negative, were not read.
    func charge(_ rows: Int) { throttle.withLock { $0.charge(rows, at: .now) } }

    /// How many of these rows one second is worth.
    func limit(_ rows: Int) -> Int { throttle.withLock { $0.limit(rows) } }

    /// Goes by what is set now.
    func follow(_ set: BackfillLimits) { throttle.withLock { $0.set(set.over(configured), at: .now) } }

    func note(_ load: BackfillLoad) { throttle.withLock { $0.note(load, at: .now) } }

    var limits: BackfillLimits { throttle.withLock { $0.limits } }

    /// Why nothing is read, and since when.
    var waiting: Waiting? { throttle.withLock { $0.waiting } }
}
