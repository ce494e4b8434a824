import Model
import TestSupport
import Testing

@testable import Replication

/// The touch log against a list of everything, under a source whose transactions commit in another order than their
/// numbers, and become visible in yet another.
struct TouchLogPropertyTests {
    @Test(arguments: [UInt64](0..<8)) func agreesWithAListOfEverything(_ block: UInt64) async {
        var seen: [TouchLog.Verdict: Int] = [:]
        for seed in block * 15..<(block + 1) * 15 {
            await Task.yield()
            var trial = Trial(seed: seed)
            for step in 0..<300 {
                if let difference = trial.step() {
                    Issue.record("seed \(seed), step \(step): \(difference)")
                    return
                }
            }
            trial.verdicts.forEach { seen[$0, default: 0] += $1 }
            #expect(trial.bytesWhenAllIsSeen() < 50_000)
        }
        for verdict in [TouchLog.Verdict.write, .skip, .readAgain] {
            #expect(seen[verdict, default: 0] > 1000, "the histories hardly ever lead to \(verdict)")
        }
    }

    private struct Trial {
        private var random: SeededGenerator
        private var log = TouchLog(byteLimit: 1 << 20)
        private var model = NaiveTouches()
        private var source = SourceModel()
        /// Snapshots of chunks, in the order they were taken.
        private var outstanding: [VisibilitySnapshot] = []
        var verdicts: [TouchLog.Verdict: Int] = [:]

        private static let collections = ["a", "b", "c"]

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            for collection in Trial.collections.dropLast() { track(collection) }
        }

        private mutating func track(_ collection: String) {
            log.track(collection)
            model.track(collection)
        }

        /// What the log says otherwise than the model, nil when they agree.
        mutating func step() -> String? {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<25: source.begin()
            case 25..<50: if let xid = source.commit(&random) { change(by: xid) }
            case 50..<70: source.show(&random)
            case 70..<80: outstanding.append(source.snapshot)
            case 80..<95:
                if let index = outstanding.indices.randomElement(using: &random) { outstanding.remove(at: index) }
                log.setFloor(outstanding.first ?? source.snapshot)
            case 95..<97:
                track(Trial.collections.randomElement(using: &random)!)
            case 97:
                log.clear()
                model.clear()
            default: for _ in 0..<5 { source.begin() }
            }
            return compare()
        }

        /// One transaction as the stream brings it: all of its changes together.
        private mutating func change(by xid: UInt64) {
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let collection = Trial.collections.randomElement(using: &random)!
                if random.chance(2) {
                    log.touchAll(in: CollectionPart(collection), by: xid)
                    model.touch(nil, in: collection, by: xid, isPartial: false)
                    continue
                }
                let key = randomKey()
                let isPartial = random.chance(60)
                log.touch(key, in: collection, by: xid, isPartial: isPartial)
                model.touch(key, in: collection, by: xid, isPartial: isPartial)
            }
        }

        /// Some of them prefixes of others.
        private mutating func randomKey() -> [UInt8] {
            let number = Int.random(in: 0..<40, using: &random)
            return Array(repeating: UInt8(number / 10), count: number % 10)
        }

        private mutating func compare() -> String? {
            for snapshot in outstanding + [source.snapshot] {
                for collection in Trial.collections {
                    let key = randomKey()
                    let found = log.verdict(on: key, in: collection, for: snapshot)
                    let expected = model.verdict(on: key, in: collection, for: snapshot)
                    guard found == expected else {
                        return "\(found) instead of \(expected) for \(key) in \(collection) under \(snapshot)"
                    }
                    verdicts[found, default: 0] += 1
                }
            }
            return nil
        }

        mutating func bytesWhenAllIsSeen() -> Int {
            while source.commit(&random) != nil {}
            while source.show(&random) {}
            log.setFloor(source.snapshot)
            return log.byteCount
        }
    }
}

/// Every touch, for ever.
private struct NaiveTouches {
    private struct Touch {
        /// nil is every key.
        let key: [UInt8]?
        let xid: UInt64
        let isPartial: Bool
    }

    /// By collection.
    private var touches: [String: [Touch]] = [:]

    mutating func track(_ collection: String) { touches[collection] = touches[collection] ?? [] }

    mutating func touch(_ key: [UInt8]?, in collection: String, by xid: UInt64, isPartial: Bool) {
        touches[collection]?.append(Touch(key: key, xid: xid, isPartial: isPartial))
    }

    mutating func clear() {
        for collection in touches.keys { touches[collection] = [] }
    }

    func verdict(on key: [UInt8], in collection: String, for snapshot: VisibilitySnapshot) -> TouchLog.Verdict {
        var verdict = TouchLog.Verdict.write
        for touch in touches[collection] ?? [] where !snapshot.sees(touch.xid) && (touch.key ?? key) == key {
            if !touch.isPartial { return .skip }
            verdict = .readAgain
        }
        return verdict
    }
}

/// Transactions of a source: running, then in the stream, then visible.
private struct SourceModel {
    private var next: UInt64 = 100
    private var running: [UInt64] = []
    /// Committed and in the stream, but not yet visible.
    private var hidden: [UInt64] = []
    private var newestVisible: UInt64 = 99

    mutating func begin() {
        running.append(next)
        next += 1
    }

    mutating func commit(_ random: inout SeededGenerator) -> UInt64? {
        guard let index = running.indices.randomElement(using: &random) else { return nil }
        let xid = running.remove(at: index)
        hidden.append(xid)
        return xid
    }

    @discardableResult
    mutating func show(_ random: inout SeededGenerator) -> Bool {
        guard let index = hidden.indices.randomElement(using: &random) else { return false }
        newestVisible = max(newestVisible, hidden.remove(at: index))
        return true
    }

    var snapshot: VisibilitySnapshot {
        let xmax = newestVisible + 1
        let invisible = (running + hidden).filter { $0 < xmax }.sorted()
        let list = invisible.map(String.init).joined(separator: ",")
        return VisibilitySnapshot("\(invisible.first ?? xmax):\(xmax):\(list)")!
    }
}
