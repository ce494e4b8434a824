import Model
import Testing

struct SourceTimeTests {
    static let epoch: Int64 = 946_684_800_000

    /// 2000-01-01 is 946684800 in Unix time; a part of a millisecond belongs to the one before, on either side of it.
    @Test(
        arguments: [
            (0, 0), (1, 0), (999, 0), (1000, 1), (1999, 1), (-1, -1), (-999, -1), (-1000, -1), (-1001, -2), (-2000, -2),
        ] as [(Int64, Int64)])
    func cutsTowardsThePast(_ microseconds: Int64, _ milliseconds: Int64) {
        #expect(SourceTime(microseconds: microseconds).unixMilliseconds == SourceTimeTests.epoch + milliseconds)
    }

    @Test func holdsWhatTheWireCanSay() {
        #expect(SourceTime(microseconds: .max).unixMilliseconds == Int64.max / 1000 + SourceTimeTests.epoch)
        #expect(SourceTime(microseconds: .min).unixMilliseconds == Int64.min / 1000 - 1 + SourceTimeTests.epoch)
        #expect(SourceTime(microseconds: -1) < SourceTime(microseconds: 0))
    }
}
