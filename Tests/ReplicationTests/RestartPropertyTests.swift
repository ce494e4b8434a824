import Model
import TestSupport
import Testing

@testable import Replication

/// Random transactions, random limits, a crash after (or just before) every batch: after each batch the target is the
/// source as it was at the checkpoint, and nothing is ever written twice.
struct RestartPropertyTests {
    let table = SampleTable(columns: ["id", "name", "doc", "extra"])

    /// What the source held after each change, by the checkpoint that covers it.
    struct Moment: Hashable {
        let lsn: LSN
        let appliedChanges: Int
    }

    struct Stream {
        var script: EventScript
        var expected: [Moment: TargetModel] = [:]
    }

    func stream(seed: UInt64) -> Stream {
        var random = SeededGenerator(seed: seed)
        var history = RandomHistory(table: table, seed: seed &+ 7777)
        var stream = Stream(script: EventScript([table]))
        stream.expected[Moment(lsn: stream.script.end, appliedChanges: 0)] = history.expected
        for number in 0..<12 {
            let before = stream.script.end
            let size = number == 11 ? 1 : Int.random(in: 0...25, using: &random)
            stream.script.begin()
            var count = 0
            while count < size {
                let changes = number < 11 && random.chance(4) ? [history.truncate()] : history.next()
                for (change, moment) in zip(changes, history.moments) {
                    stream.script.add(.change(change))
                    count += 1
                    stream.expected[Moment(lsn: before, appliedChanges: count)] = moment
                }
            }
            stream.script.commit()
            stream.expected[Moment(lsn: stream.script.end, appliedChanges: 0)] = history.expected
            if random.chance(20) { stream.script.keepalive(stream.script.end.rawValue) }
        }
        return stream
    }

    @Test(arguments: [UInt64](0..<6)) func everyChangeIsAppliedOnce(_ block: UInt64) async throws {
        for seed in block * 25..<(block + 1) * 25 {
            var random = SeededGenerator(seed: seed &+ 99)
            let stream = stream(seed: seed)
            let limits = BatchLimits(
                operations: Int.random(in: 1...30, using: &random),
                bytes: random.chance(30) ? Int.random(in: 1...2000, using: &random) : 1 << 20)
            var checkpoint = Checkpoint(lsn: LSN(rawValue: 1000))
            var target = TargetModel()
            var crashes = 0
            while checkpoint.lsn < stream.script.end {
                // The next batch but `crashAt` dies before it is written; all before it are durable.
                let crashAt = Int.random(in: 2...3, using: &random)
                let sink = RecordingSink(target, from: checkpoint) { number in
                    number >= crashAt ? Failure(.targetInterrupted, "crash") : nil
                }
                var harness = StreamHarness(tables: [table], script: stream.script.after(checkpoint.lsn))
                harness.limits = limits
                harness.chunk = Int.random(in: 1...40, using: &random)
                let (run, from, end) = (harness, checkpoint, stream.script.end)
                do {
                    try await promptly { try await run.run(into: sink, from: from, until: end) }
                } catch let failure as Failure where failure.message == "crash" {
                    crashes += 1
                }
                checkpoint = sink.checkpoint
                target = sink.target
                // A truncation that the crash came after is done again.
                if case .truncate = sink.steps.last { continue }
                guard isRight(target, at: checkpoint, stream) else {
                    Issue.record("seed \(seed), crash \(crashes), \(checkpoint): \(target.violations)")
                    return
                }
            }
        }
    }

    private func isRight(_ target: TargetModel, at checkpoint: Checkpoint, _ stream: Stream) -> Bool {
        guard target.violations.isEmpty else { return false }
        let moment = Moment(lsn: checkpoint.lsn, appliedChanges: checkpoint.open?.appliedChanges ?? 0)
        return target == stream.expected[moment]
    }
}
