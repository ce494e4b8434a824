import Model
import Testing

@testable import Replication

/// Random histories, cut into random batches, against an oracle that goes row by row.
struct FoldingPropertyTests {
    static let tables = [
        SampleTable(columns: ["id", "name", "doc", "extra"]),
        SampleTable(columns: ["id", "name", "doc", "extra"], identity: .full),
        SampleTable(columns: ["name", "b", "doc", "a"], key: ["a", "b"]),
        SampleTable(columns: ["name", "b", "doc", "a"], key: ["a", "b"], identity: .full),
    ]

    @Test(arguments: tables.indices) func batchesEqualTheRows(_ number: Int) async throws {
        let table = FoldingPropertyTests.tables[number]
        let plans = try SampleTable.plans([table])
        for seed in 0..<100 as Range<UInt64> {
            // Others want the thread, too.
            await Task.yield()
            var history = RandomHistory(table: table, seed: seed)
            var target = TargetModel()
            for batchNumber in 1...20 as ClosedRange<UInt64> {
                var batch = BatchBuilder()
                let size = history.batchSize()
                while batch.counts.changes < size {
                    for change in history.next() { try batch.add(change, plans: plans) }
                }
                batch.advance(to: Checkpoint(lsn: LSN(rawValue: batchNumber)), endsTransaction: true)
                let sealed = batch.seal()
                try target.apply(#require(sealed))
                guard target == history.expected, target.violations.isEmpty else {
                    Issue.record("table \(number), seed \(seed), batch \(batchNumber): \(target.violations)")
                    return
                }
            }
        }
    }
}
