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

    /// Runs until the task is cancelled.
    func run(_ signals: UnixSignalsSequence) async {
        var count = 0
        for await signal in signals {
            count += 1
            if count == 1 { await onFirst(signal) } else { await onSecond(signal) }
        }
    }
}
