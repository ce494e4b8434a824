import BSON
import Model
import TestSupport
import Testing

@testable import Replication

struct TouchLogTests {
    /// Sees 1 to 9 but not 5 and 7.
    static let snapshot = VisibilitySnapshot("5:10:5,7")!
    static let key: [UInt8] = [1, 2, 3]

    enum Touch: Sendable {
        case whole(UInt64)
        case partial(UInt64)
        case all(UInt64)
        case otherKey(UInt64)
        case otherCollection(UInt64)
    }

    private static func log(_ touches: [Touch]) -> TouchLog {
        var log = TouchLog(byteLimit: 1 << 20)
        log.track("a")
        log.track("b")
        for touch in touches {
            switch touch {
            case .whole(let xid): log.touch(key, in: "a", by: xid, isPartial: false)
            case .partial(let xid): log.touch(key, in: "a", by: xid, isPartial: true)
            case .all(let xid): log.touchAll(in: "a", by: xid)
            case .otherKey(let xid): log.touch([1, 2], in: "a", by: xid, isPartial: false)
            case .otherCollection(let xid):
                log.touch(key, in: "b", by: xid, isPartial: false)
                log.touchAll(in: "b", by: xid)
            }
        }
        return log
    }

    @Test(
        arguments: [
            ([], .write),
            ([.whole(4)], .write),
            ([.whole(9), .partial(8), .all(6)], .write),
            ([.whole(5)], .skip),
            ([.whole(10)], .skip),
            ([.partial(7)], .readAgain),
            ([.partial(7), .partial(11)], .readAgain),
            ([.partial(7), .whole(11)], .skip),
            ([.whole(7), .partial(11)], .skip),
            ([.whole(9), .partial(7)], .readAgain),
            ([.whole(7), .partial(9)], .skip),
            ([.partial(7), .whole(7)], .skip),
            ([.whole(7), .partial(7)], .skip),
            ([.partial(7), .partial(7)], .readAgain),
            ([.all(5)], .skip),
            ([.all(9), .partial(11)], .readAgain),
            ([.partial(11), .all(12)], .skip),
            ([.otherKey(11)], .write),
            ([.otherCollection(11)], .write),
        ] as [([Touch], TouchLog.Verdict)])
    func judges(_ touches: [Touch], _ verdict: TouchLog.Verdict) {
        #expect(
            TouchLogTests.log(touches).verdict(on: TouchLogTests.key, in: "a", for: TouchLogTests.snapshot) == verdict)
    }

    @Test func aTruncationIsAboutItsOwnTable() {
        var log = TouchLog(byteLimit: 1 << 20)
        log.track("a")
        func part(_ kind: String) -> CollectionPart {
            CollectionPart("a", Discriminator(field: "kind", value: kind))
        }
        func verdict(_ kind: String) -> TouchLog.Verdict {
            let key: BSONDocument = ["_id": ["kind": .string(kind), "id": 1]]
            return log.verdict(on: key.bytes, in: "a", for: TouchLogTests.snapshot)
        }
        log.touchAll(in: part("x"), by: 11)
        #expect(verdict("x") == .skip && verdict("y") == .write && verdict("xx") == .write)
        log.touchAll(in: part("y"), by: 11)
        #expect(verdict("y") == .skip)
        log.setFloor(VisibilitySnapshot("12:12:")!)
        #expect(verdict("x") == .write && verdict("y") == .write)
    }

    @Test func onlyTrackedCollectionsAreKept() {
        var log = TouchLog(byteLimit: 100)
        log.touch(TouchLogTests.key, in: "a", by: 11, isPartial: false)
        log.touchAll(in: "a", by: 11)
        #expect(log.byteCount == 0)
        log.track("a")
        #expect(log.verdict(on: TouchLogTests.key, in: "a", for: TouchLogTests.snapshot) == .write)
        log.touch(TouchLogTests.key, in: "a", by: 11, isPartial: false)
        log.track("a")
        #expect(log.verdict(on: TouchLogTests.key, in: "a", for: TouchLogTests.snapshot) == .skip)
        #expect(log.isOverLimit)
    }

    @Test func whatTheFloorSeesIsNotKept() {
        var log = TouchLogTests.log([])
        log.setFloor(TouchLogTests.snapshot)
        let empty = log.byteCount
        log.touch(TouchLogTests.key, in: "a", by: 9, isPartial: false)
        log.touchAll(in: "a", by: 6)
        #expect(log.byteCount == empty)
        log.touch(TouchLogTests.key, in: "a", by: 7, isPartial: false)
        #expect(log.byteCount > empty)
        #expect(log.verdict(on: TouchLogTests.key, in: "a", for: TouchLogTests.snapshot) == .skip)
    }

    @Test func clearForgetsTouchesAndKeepsTracking() {
        var log = TouchLogTests.log([.whole(11), .all(12), .otherCollection(11)])
        log.clear()
        #expect(log.byteCount == 0)
        #expect(log.verdict(on: TouchLogTests.key, in: "a", for: TouchLogTests.snapshot) == .write)
        log.touch(TouchLogTests.key, in: "a", by: 13, isPartial: true)
        #expect(log.verdict(on: TouchLogTests.key, in: "a", for: TouchLogTests.snapshot) == .readAgain)
    }

    @Test func keysMayBeEmptyAndAnyCollectionOfBytes() {
        var log = TouchLogTests.log([])
        log.touch([], in: "a", by: 11, isPartial: false)
        #expect(log.verdict(on: [], in: "a", for: TouchLogTests.snapshot) == .skip)
        #expect(log.verdict(on: TouchLogTests.key, in: "a", for: TouchLogTests.snapshot) == .write)
        log.touch((1...3).lazy.map { UInt8($0) }, in: "a", by: 11, isPartial: true)
        #expect(log.verdict(on: TouchLogTests.key[...], in: "a", for: TouchLogTests.snapshot) == .readAgain)
    }

    // MARK: - Memory

    private static func bytes(_ number: Int) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) + [1, 2, 3, 4] } }

    @Test(arguments: [10_000, 33_000, 70_000]) func aTouchIsSmall(_ count: Int) {
        var log = TouchLogTests.log([])
        for number in 0..<count {
            log.touch(TouchLogTests.bytes(number), in: "a", by: UInt64(number), isPartial: false)
        }
        #expect(log.byteCount >= count * (32 + 12))
        #expect(log.byteCount <= count * (60 + 18) + 4096)
    }

    /// 50,000 touches, each of a transaction of its own, and the floor moved behind every thousandth.
    ///
    /// - Returns: the log, and the most bytes it had.
    private func touched(floor: (UInt64) -> String) -> (log: TouchLog, peak: Int) {
        var log = TouchLogTests.log([])
        var peak = 0
        for number in 1...50_000 as ClosedRange<UInt64> {
            log.touch(TouchLogTests.bytes(Int(number)), in: "a", by: number, isPartial: false)
            guard number.isMultiple(of: 1000) else { continue }
            peak = max(peak, log.byteCount)
            log.setFloor(VisibilitySnapshot(floor(number))!)
        }
        return (log, peak)
    }

    @Test func aMovingFloorKeepsTheLogSmall() {
        #expect(touched { "\($0):\($0):" }.peak < 300_000)
    }

    @Test func oneInvisibleTransactionDoesNotKeepThoseBehindIt() {
        let (log, peak) = touched { "1:\($0):1" }
        #expect(peak < 400_000)
        let floor = VisibilitySnapshot("1:50000:1")!
        #expect(log.verdict(on: TouchLogTests.bytes(1), in: "a", for: floor) == .skip)
        #expect(log.verdict(on: TouchLogTests.bytes(50_000), in: "a", for: floor) == .skip)
    }

    @Test func memoryComesBackAfterOneLargeTransaction() {
        var log = TouchLogTests.log([])
        for number in 0..<50_000 { log.touch(TouchLogTests.bytes(number), in: "a", by: 11, isPartial: false) }
        log.setFloor(TouchLogTests.snapshot)
        #expect(log.byteCount > 50_000 * 44)
        log.setFloor(VisibilitySnapshot("12:12:")!)
        #expect(log.byteCount < 40_000)
    }
}
