import Testing

@testable import Replication

struct ChunkSizeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        var current = 1000
        var limit = 1000
        var milliseconds = 250
        var bytes = 1 << 20
        var isFull = true
        let next: Int

        var testDescription: String { what }
    }

    @Test(arguments: [
        Case(what: "on target", next: 1000),
        Case(what: "a little over", milliseconds: 310, next: 1000),
        Case(what: "a little under", milliseconds: 205, next: 1000),
        Case(what: "twice the time", milliseconds: 500, next: 500),
        Case(what: "a hundred times the time", milliseconds: 25_000, next: 100),
        Case(what: "half the time", milliseconds: 125, next: 1415),
        Case(what: "no time at all", milliseconds: 0, bytes: 0, next: 2000),
        Case(what: "fast, not full", milliseconds: 10, isFull: false, next: 1000),
        Case(what: "slow, not full", milliseconds: 500, isFull: false, next: 500),
        Case(what: "twice the bytes", milliseconds: 10, bytes: 8 << 20, next: 500),
        Case(what: "bytes on target, fast", milliseconds: 10, bytes: 4 << 20, next: 1000),
        Case(what: "a megabyte a row", milliseconds: 250, bytes: 1000 << 20, next: 4),
        Case(what: "sixteen megabytes a row", current: 1, limit: 1, bytes: 16 << 20, next: 1),
        Case(what: "large rows read slowly", current: 4, limit: 4, milliseconds: 2500, bytes: 4 << 20, next: 4),
        Case(what: "large rows that have become small", current: 4, limit: 4, milliseconds: 1, bytes: 400, next: 8),
        Case(what: "at the upper end", current: 20_000, limit: 20_000, milliseconds: 10, next: 20_000),
        Case(what: "near the upper end", current: 15_000, limit: 15_000, milliseconds: 10, next: 20_000),
        Case(what: "at the lower end", current: 100, limit: 100, milliseconds: 9000, next: 100),
        Case(what: "an early small chunk was fast", current: 8000, limit: 1000, milliseconds: 10, next: 8000),
        Case(what: "an early large chunk was slow", current: 500, limit: 1000, milliseconds: 500, next: 500),
        Case(what: "an early large chunk was fast", current: 500, limit: 1000, milliseconds: 60, next: 2000),
    ])
    func adapts(_ example: Case) {
        let cost = ChunkCost(
            duration: .milliseconds(example.milliseconds), bytes: example.bytes, isFull: example.isFull)
        let next = ChunkSize.next(after: example.current, limit: example.limit, cost: cost, target: ChunkTarget())
        #expect(next == example.next)
    }

    struct Source: Sendable {
        /// Microseconds for a chunk, for a row, and for the square of the rows.
        let fixed, perRow, perSquare: Double
        let bytesPerRow: Int
        /// In what the size must settle.
        let settles: ClosedRange<Int>
    }

    @Test(arguments: [
        Source(fixed: 1000, perRow: 50, perSquare: 0, bytesPerRow: 100, settles: 3900...6300),
        Source(fixed: 100_000, perRow: 50, perSquare: 0, bytesPerRow: 100, settles: 1900...4300),
        Source(fixed: 1000, perRow: 2, perSquare: 0, bytesPerRow: 100, settles: 20_000...20_000),
        Source(fixed: 1000, perRow: 2, perSquare: 0, bytesPerRow: 1000, settles: 3300...5300),
        Source(fixed: 1000, perRow: 2, perSquare: 0, bytesPerRow: 1 << 20, settles: 3...5),
        Source(fixed: 400_000, perRow: 50, perSquare: 0, bytesPerRow: 100, settles: 100...100),
        Source(fixed: 0, perRow: 0, perSquare: 0.01, bytesPerRow: 100, settles: 4400...5600),
    ])
    func settlesWithoutSwinging(_ source: Source) {
        for start in [0, 1] {
            var size = ChunkSize(ChunkTarget())
            // From below, or from far above.
            if start == 1 { size.learn(from: ChunkCost(duration: .zero, bytes: 0, isFull: true), limit: 10_000) }
            var sizes: [Int] = []
            for _ in 0..<40 {
                let rows = Double(size.rows)
                let time = source.fixed + source.perRow * rows + source.perSquare * rows * rows
                let cost = ChunkCost(
                    duration: .microseconds(Int(time)), bytes: size.rows * source.bytesPerRow, isFull: true)
                size.learn(from: cost, limit: size.rows)
                sizes.append(size.rows)
            }
            #expect(source.settles.contains(size.rows), "\(sizes)")
            #expect(Set(sizes.suffix(20)).count == 1, "\(sizes)")
            let turns = zip(sizes, sizes.dropFirst()).map { $1 - $0 }.filter { $0 != 0 }
            let changes = zip(turns, turns.dropFirst()).filter { ($0 > 0) != ($1 > 0) }
            #expect(changes.count <= (source.perSquare > 0 ? 1 : 0), "\(sizes)")
        }
    }

    @Test func workersWithChunksOfOneSizeCountOnce() {
        var size = ChunkSize()
        let slow = ChunkCost(duration: .seconds(1), bytes: 1000, isFull: true)
        for _ in 0..<8 { size.learn(from: slow, limit: 1000) }
        #expect(size.rows == 250)
        let fast = ChunkCost(duration: .milliseconds(1), bytes: 1000, isFull: true)
        for _ in 0..<8 { size.learn(from: fast, limit: 250) }
        #expect(size.rows == 500)
    }
}
