import Foundation
import ServiceLifecycle
import UnixSignals

/// SIGTERM and SIGINT: the first one asks for a clean stop, the second one ends the process at once with 128 + its
/// number, as a shell would show it.
struct SignalWatch: Sendable {
    /// What the first signal does.
    let onFirst: @Sendable (UnixSignal) async -> Void
    /// What the second one does; the process ends here.
    let onSecond: @Sendable (UnixSignal) async -> Void

    /// Runs until the task is cancelled or there are no more signals.
    func run<Signals: AsyncSequence>(_ signals: Signals) async where Signals.Element == UnixSignal {
        var count = 0
        var iterator = signals.makeAsyncIterator()
        // A sequence of signals has no errors; one that had would be over.
        while let signal = try? await iterator.next() {
            count += 1
            if count == 1 { await onFirst(signal) } else { await onSecond(signal) }
        }
    }
}
