import BSON
import BenchmarkSamples
import Foundation
import Mapping
import Model
import Postgres
import Replication

/// What every row passes through, and nothing else, on one thread: `wherry-hot-path WORK ROUNDS`, 1,000 rows or changes
/// a round. valgrind counts its instructions for the benchmark and for scripts/check-instructions.
///
///     none | renamed | computed   makes documents of the rows of a copy, by that mapping
///     stream                      decodes messages of pgoutput and makes batches of them
///
/// What is the same in every run (the rows, the plan) is left out by taking the difference of two.

let mappings: [String: CollectionMapping] = {
    var named: [String: CollectionMapping] = ["none": CollectionMapping()]
    var mapping = CollectionMapping()
    mapping.fieldCase = .camel
    mapping.rename = ["status": "state.name", "flags": "state.gift", "customer_id": "customer"]
    named["renamed"] = mapping
    mapping.filter = "status <> 'draft'"
    mapping.computed = [.init(path: "total", expression: "amount * 2")]
    named["computed"] = mapping
    return named
}()

/// - Returns: bytes of all documents of a round.
func encode(_ mapping: CollectionMapping, rounds: Int) throws -> Int {
    let plan = try MappingPlan(
        schema: SampleRows.schema, collection: "orders", keyColumns: ["id"], mapping: mapping)
    let rows = (1...1000).map { SampleRows.row($0 * 997) }
    var writer = BSONWriter(capacity: 1 << 20)
    var bytes = 0
    try measure(rounds) {
        for row in rows where try plan.takes(row) { _ = try plan.encodeDocument(row, into: &writer) }
        bytes = writer.count
        writer.truncate(to: 0)
    }
    return bytes
}

/// - Returns: bytes of the keys and documents of a round.
func stream(rounds: Int) throws -> Int {
    let table = TableVersion(schema: SampleRows.schema)
    var plans = PlanTable(
        tables: [TableState(table: table.schema.name, collection: "orders", keyColumns: ["id"], wasEmpty: true)])
    try plans.register(table)
    var decoder = PgOutputDecoder()
    decoder.register(table)
    let frames = SampleStream.frames
    var bytes = 0
    try measure(rounds) {
        var batch = BatchBuilder()
        var open: [Change] = []
        for frame in frames {
            switch try decoder.decode(frame) {
            case .change(let change): open.append(change)
            case .commit(let end):
                for change in open { try batch.add(change, plans: plans) }
                open.removeAll(keepingCapacity: true)
                batch.advance(to: Checkpoint(lsn: end.endLSN), endsTransaction: true)
            default: break
            }
        }
        bytes = batch.bytes
        _ = batch.seal()
    }
    return bytes
}

func measure(_ rounds: Int, _ round: () throws -> Void) rethrows {
    let begun = ContinuousClock.now
    for _ in 0..<rounds { try round() }
    let spent = (ContinuousClock.now - begun) / Double(max(rounds, 1) * 1000)
    print("\(Double(spent.components.attoseconds) / 1e9) ns each")
}

let words = CommandLine.arguments.dropFirst()
guard words.count == 2, let rounds = Int(words.last ?? ""), let work = words.first,
    work == "stream" || mappings[work] != nil
else {
    FileHandle.standardError.write(
        Data("usage: wherry-hot-path stream|\(mappings.keys.sorted().joined(separator: "|")) ROUNDS\n".utf8))
    exit(64)
}
let bytes = try mappings[work].map { try encode($0, rounds: rounds) } ?? stream(rounds: rounds)
print("\(bytes / 1000) bytes each")
