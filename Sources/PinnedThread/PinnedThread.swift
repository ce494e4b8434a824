import Foundation

/// An executor that owns one OS thread and runs the jobs of one actor on it, in order.
///
/// Every libpq connection and every libmongoc client belongs to an actor with a pinned thread of its own: C calls that
/// block are allowed there and nowhere else, so that they never hold a thread of Swift's cooperative pool.
///
///     actor Connection {
///         private let thread = PinnedThread(name: "pg-control")
///         nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
///     }
///
/// The thread ends when the executor is released.
package final class PinnedThread: SerialExecutor {
    private let queue: JobQueue

    package init(name: String) {
        let queue = JobQueue()
        self.queue = queue
        let thread = Thread {
            while let job = queue.next() {
                job()
            }
        }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    deinit { queue.finish() }

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        // The job keeps its actor alive, the actor keeps this executor alive: the reference is valid while it runs.
        let executor = asUnownedSerialExecutor()
        queue.append { unowned.runSynchronously(on: executor) }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }
}

/// A blocking queue of jobs. `@unchecked Sendable`: the condition guards every field.
private final class JobQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [@Sendable () -> Void] = []
    private var finished = false

    func append(_ job: @escaping @Sendable () -> Void) {
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    func finish() {
        condition.lock()
        finished = true
        condition.signal()
        condition.unlock()
    }

    /// The next job, or nil when the executor is gone and everything queued has run.
    func next() -> (@Sendable () -> Void)? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            if finished { return nil }
            condition.wait()
        }
        return jobs.removeFirst()
    }
}
