import Foundation
import Synchronization

/// Gives out the seeds, and sums up what became of them.
final class OracleReport: Sendable {
    private struct State {
        var next = 0
        var done = 0
        var hazards = OracleHazards()
        var failures: [String] = []
        var shown = ContinuousClock.now
    }

    private let seeds: [UInt64]
    private let begin = ContinuousClock.now
    private let state = Mutex(State())

    init(seeds: [UInt64]) { self.seeds = seeds }

    /// What has failed, each with the way to repeat it; the first ten.
    var failures: [String] { state.withLock { Array($0.failures.prefix(10)) } }

    var hazards: OracleHazards { state.withLock { $0.hazards } }

    /// nil when all are given out, or enough have failed.
    func next() -> UInt64? {
        state.withLock { state in
            guard state.next < seeds.count, state.failures.count < 10 else { return nil }
            state.next += 1
            return seeds[state.next - 1]
        }
    }

    func add(_ outcome: OracleOutcome) {
        if !outcome.differences.isEmpty { show("oracle: \(outcome)") }
        let line = state.withLock { state -> String? in
            state.done += 1
            state.hazards += outcome.hazards
            if !outcome.differences.isEmpty { state.failures.append(outcome.description) }
            guard .now - state.shown > .seconds(5) else { return nil }
            state.shown = .now
            return summary(state)
        }
        if let line { show(line) }
    }

    func finish() { show(state.withLock { summary($0) }) }

    /// At once and unbuffered: somebody waits for it.
    private func show(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

    private func summary(_ state: State) -> String {
        let seconds = Int((ContinuousClock.now - begin) / .seconds(1))
        return "oracle: \(state.done) of \(seeds.count) seeds in \(seconds) s, \(state.failures.count) failed; "
            + "\(state.hazards)"
    }
}
