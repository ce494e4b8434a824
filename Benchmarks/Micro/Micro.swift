import BSON
import Benchmark
import BenchmarkSamples
import Mapping
import Model
import Postgres

let rows = (1...1000).map { SampleRows.row($0 * 997) }

/// Parts of what every row passes through, each alone: 1,000 rows or messages an iteration.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput], timeUnits: .nanoseconds, warmupIterations: 20,
        scalingFactor: .kilo, maxDuration: .seconds(3), maxIterations: 10_000)

    Benchmark("decode pgoutput") { benchmark in
        let table = TableVersion(schema: SampleRows.schema)
        var decoder = PgOutputDecoder()
        decoder.register(table)
        benchmark.startMeasurement()
        for frame in SampleStream.frames { blackHole(try decoder.decode(frame)) }
    }

    for name in SampleRows.schema.columns.map(\.name) {
        Benchmark("encode \(name)") { benchmark in
            var mapping = CollectionMapping()
            mapping.columns = .keep([name])
            try encode(mapping, benchmark)
        }
    }

    Benchmark("encode a row") { benchmark in try encode(CollectionMapping(), benchmark) }

    Benchmark("encode a key") { benchmark in
        let plan = try plan(CollectionMapping())
        var writer = BSONWriter(capacity: 1 << 20)
        benchmark.startMeasurement()
        for row in rows { blackHole(try plan.encodeKey(row, into: &writer)) }
    }
}

func plan(_ mapping: CollectionMapping) throws -> MappingPlan {
    try MappingPlan(schema: SampleRows.schema, collection: "orders", keyColumns: ["id"], mapping: mapping)
}

func encode(_ mapping: CollectionMapping, _ benchmark: Benchmark) throws {
    let plan = try plan(mapping)
    var writer = BSONWriter(capacity: 1 << 20)
    benchmark.startMeasurement()
    for row in rows { blackHole(try plan.encodeDocument(row, into: &writer)) }
}
