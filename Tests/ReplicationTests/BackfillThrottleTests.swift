import Model
import TestSupport
import Testing

@testable import Replication

/// What the throttle decides, by a clock that stands still unless told.
struct BackfillThrottleTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    // MARK: - Rate

    @Test func withoutALimitEverythingMayBeRead() {
        var throttle = BackfillThrottle(BackfillLimits())
        for _ in 1...3 { #expect(throttle.ask(for: 20_000, at: start) == .read(20_000)) }
        #expect(throttle.limit(20_000) == 20_000 && throttle.waiting == nil)
    }

    @Test func aChunkIsNoMoreThanASecondIsWorth() {
        var throttle = BackfillThrottle(BackfillLimits([.rowsPerSecond: .at(500)]))
        #expect(throttle.ask(for: 20_000, at: start) == .read(500))
        #expect(throttle.ask(for: 10, at: at(0.25)) == .wait(.seconds(0.75)))
        #expect(throttle.ask(for: 10, at: at(1)) == .read(10))
        // Ten rows are worth 20 ms.
        #expect(throttle.ask(for: 10, at: at(1) + .milliseconds(10)) == .wait(.milliseconds(10)))
    }

    @Test func rowsThatWereNotReadCostNothing() {
        var throttle = BackfillThrottle(BackfillLimits([.rowsPerSecond: .at(100)]))
        #expect(throttle.ask(for: 100, at: start) == .read(100))
        throttle.charge(-90, at: at(0.05))
        #expect(throttle.ask(for: 100, at: at(0.05)) == .wait(.milliseconds(50)))
        #expect(throttle.ask(for: 100, at: at(0.1)) == .read(100))
    }

    /// Time that nobody has used is no credit.
    @Test func afterAPauseTheRateIsTheSame() {
        var throttle = BackfillThrottle(BackfillLimits([.rowsPerSecond: .at(100)]))
        #expect(throttle.ask(for: 50, at: start) == .read(50))
        #expect(throttle.ask(for: 100, at: at(60)) == .read(100))
        #expect(throttle.ask(for: 100, at: at(60)) == .wait(.seconds(1)))
    }

    /// Any number of readers, who ask for anything at any time, and get back what they didn't need.
    @Test(arguments: 0..<20 as Range<UInt64>) func neverMoreThanTheRateAndASecond(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let rate = Int.random(in: 1...5000, using: &random)
        var throttle = BackfillThrottle(BackfillLimits([.rowsPerSecond: .at(rate)]))
        var (now, read) = (0.0, 0)
        for _ in 0..<2000 {
            now += Double.random(in: 0...0.3, using: &random)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                guard case .read(let rows) = throttle.ask(for: Int.random(in: 1...20_000, using: &random), at: at(now))
                else { continue }
                let used = Int.random(in: 0...rows, using: &random)
                throttle.charge(used - rows, at: at(now))
                read += used
                #expect(Double(read) <= Double(rate) * (now + 1) + 1)
            }
        }
        #expect(read > 0)
    }

    @Test func anotherRateAppliesAtOnce() {
        var throttle = BackfillThrottle(BackfillLimits([.rowsPerSecond: .at(1)]))
        #expect(throttle.ask(for: 10, at: start) == .read(1))
        throttle.set(BackfillLimits([.rowsPerSecond: .at(1000)]), at: at(0.1))
        #expect(throttle.ask(for: 10, at: at(0.1)) == .read(10))
        throttle.set(BackfillLimits([.rowsPerSecond: .unlimited]), at: at(0.1))
        #expect(throttle.ask(for: 50_000, at: at(0.1)) == .read(50_000))
    }

    // MARK: - Pauses

    @Test func itPausesAboveALimitAndGoesOnWellBelowIt() {
        var throttle = BackfillThrottle(BackfillLimits([.lag: .at(60_000)]))
        throttle.note(BackfillLoad(lag: 60_000), at: at(1))
        #expect(throttle.ask(for: 5, at: at(1)) == .read(5) && throttle.waiting == nil)
        throttle.note(BackfillLoad(lag: 75_900), at: at(2))
        #expect(throttle.ask(for: 5, at: at(2)) == .wait(nil))
        #expect(
            throttle.waiting
                == Waiting(
                    reason: "the backfill pauses: the stream is 75 s behind, the limit is 60 s (backfill.max_lag)",
                    since: at(2)))
        // Below the limit, and not far enough: it is still the same pause.
        throttle.note(BackfillLoad(lag: 45_001), at: at(3))
        #expect(throttle.ask(for: 5, at: at(3)) == .wait(nil))
        #expect(throttle.waiting?.since == at(2) && throttle.waiting?.reason.contains("is 45 s behind") == true)
        throttle.note(BackfillLoad(lag: 45_000), at: at(4))
        #expect(throttle.ask(for: 5, at: at(4)) == .read(5) && throttle.waiting == nil)
        throttle.note(BackfillLoad(lag: 59_000), at: at(5))
        #expect(throttle.ask(for: 5, at: at(5)) == .read(5))
        throttle.note(BackfillLoad(lag: 61_000), at: at(6))
        #expect(throttle.waiting?.since == at(6))
    }

    @Test func everyReasonIsNamed() {
        var throttle = BackfillThrottle(
            BackfillLimits([.lag: .at(1500), .heldWAL: .at(5_000_000), .replicaLag: .at(2000)]))
        throttle.note(BackfillLoad(replicaLag: 2100), at: at(1))
        throttle.note(BackfillLoad(lag: 1501, heldWAL: 12_345_678, allowedWAL: 1, replicaLag: 30_000), at: at(2))
        #expect(
            throttle.waiting
                == Waiting(
                    reason: "the backfill pauses: the stream is 1.5 s behind, the limit is 1.5 s (backfill.max_lag); "
                        + "the slot holds 12 MB of WAL, the limit is 5.0 MB (backfill.max_held_wal); "
                        + "a standby is 30 s behind, the limit is 2.0 s (backfill.max_replica_lag)",
                    since: at(1)))
    }

    @Test func whatIsUnknownPausesNothing() {
        var throttle = BackfillThrottle(
            BackfillLimits([.lag: .at(1), .heldWAL: .at(1_000_000), .replicaLag: .at(1)]))
        throttle.note(BackfillLoad(lag: 10, heldWAL: 2_000_000, replicaLag: 10), at: at(1))
        #expect(throttle.waiting != nil)
        throttle.note(BackfillLoad(), at: at(2))
        #expect(throttle.waiting == nil)
    }

    /// Without a word about it the slot may hold half of what the server lets it hold.
    @Test(
        arguments: [
            (nil, 501, true), (nil, 500, false), (.unlimited, 999, false), (.at(900), 901, true),
            (.at(900), 899, false),
        ] as [(BackfillLimits.Bound?, Int, Bool)])
    func theServersOwnLimit(bound: BackfillLimits.Bound?, held: Int, isPaused: Bool) {
        var throttle = BackfillThrottle(BackfillLimits(bound.map { [.heldWAL: $0] } ?? [:]))
        throttle.note(BackfillLoad(heldWAL: held, allowedWAL: 1000), at: start)
        #expect((throttle.waiting != nil) == isPaused)
        throttle.note(BackfillLoad(heldWAL: 1 << 40), at: start)
        #expect((throttle.waiting != nil) == (bound == .at(900)))
    }

    @Test func aLimitThatIsLiftedOrLoweredCountsAtOnce() {
        var throttle = BackfillThrottle(BackfillLimits([.lag: .at(1000)]))
        throttle.note(BackfillLoad(lag: 5000), at: at(1))
        throttle.set(BackfillLimits([.lag: .unlimited]), at: at(2))
        #expect(throttle.waiting == nil && throttle.ask(for: 1, at: at(2)) == .read(1))
        throttle.set(BackfillLimits([.lag: .at(4000)]), at: at(3))
        #expect(throttle.waiting?.since == at(3))
    }
}
