import Testing

@testable import Replication

struct AdaptiveLimitsTests {
    @Test func collisionsQuarterTheSizeDownToTen() {
        let limits = AdaptiveLimits(BatchLimits(operations: 5000, bytes: 77))
        let sizes = (0..<6).map { _ in
            limits.shrink()
            return limits.current.operations
        }
        #expect(sizes == [1250, 312, 78, 19, 10, 10])
        #expect(limits.current.bytes == 77)
    }

    @Test func limitsNeverGrowByShrinking() {
        let limits = AdaptiveLimits(BatchLimits(operations: 4))
        limits.shrink()
        #expect(limits.current.operations == 4)
        limits.succeed(in: .seconds(5))
        #expect(limits.current.operations == 4)
    }

    @Test func patienceBringsTheSizeBackByDoubling() {
        let limits = AdaptiveLimits(BatchLimits(operations: 1000))
        limits.shrink()
        #expect(limits.current.operations == 250)
        for _ in 1..<AdaptiveLimits.patience { limits.succeed(in: .milliseconds(5)) }
        #expect(limits.current.operations == 250)
        limits.succeed(in: .milliseconds(5))
        #expect(limits.current.operations == 500)
        for _ in 0..<AdaptiveLimits.patience * 3 { limits.succeed(in: .milliseconds(5)) }
        #expect(limits.current.operations == 1000)
    }

    @Test func aSlowBatchHalvesTheSizeAndCostsThePatience() {
        let limits = AdaptiveLimits(BatchLimits(operations: 1000))
        limits.succeed(in: AdaptiveLimits.longest)
        #expect(limits.current.operations == 1000)
        for expected in [500, 250, 125, 100, 100] {
            for _ in 1..<AdaptiveLimits.patience { limits.succeed(in: .milliseconds(5)) }
            limits.succeed(in: AdaptiveLimits.longest + .milliseconds(1))
            #expect(limits.current.operations == expected)
        }
    }

    @Test func aSlowBatchThatCollisionsMadeSmallStaysSmall() {
        let limits = AdaptiveLimits(BatchLimits(operations: 5000))
        for _ in 0..<8 { limits.shrink() }
        limits.succeed(in: AdaptiveLimits.longest + .milliseconds(1))
        #expect(limits.current.operations == 10)
    }
}
