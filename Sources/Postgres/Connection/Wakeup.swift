import CLibPQ
import Glibc

/// A descriptor that another thread can make readable: how a cancelled task gets its connection's thread out of `poll`.
///
/// The descriptor never changes after `init` and is closed with the last reference; reading and writing an eventfd is
/// atomic (eventfd(2)).
final class Wakeup: Sendable {
    /// -1 when the process has no descriptors left; `poll` ignores it then, and cancellation waits for the next event.
    let descriptor: Int32

    init() { descriptor = wherry_eventfd() }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func signal() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    func clear() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}
