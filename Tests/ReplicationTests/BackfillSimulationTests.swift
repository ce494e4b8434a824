import Model
import TestSupport
import Testing

@testable import Replication

/// Workers, a stream and a target that do what they do in any order: whatever fails, is discarded or is lost with the
/// process, every key is written once, and the work ends.
struct BackfillSimulationTests {
    @Test(arguments: [UInt64](0..<8)) func everyKeyIsWrittenOnce(_ block: UInt64) async {
        var met: [Simulation.Event: Int] = [:]
        for seed in block * 25..<(block + 1) * 25 {
            await Task.yield()
            var simulation = Simulation(seed: seed)
            var steps = 0
            while !simulation.isOver, simulation.defect == nil, steps < 100_000 {
                simulation.step()
                steps += 1
            }
            simulation.verify()
            if let defect = simulation.defect {
                Issue.record("seed \(seed), step \(steps): \(defect)")
                return
            }
            #expect(simulation.isOver, "seed \(seed) does not end")
            simulation.met.forEach { met[$0, default: 0] += $1 }
        }
        for event in Simulation.Event.allCases { #expect(met[event, default: 0] > 20, "hardly ever \(event)") }
    }
}

private struct Simulation {
    enum Event: CaseIterable {
        case finished, failedReading, failedOutstanding, discarded, staleDelivery, restart, lostWrites
    }

    private struct Table {
        let name: TableName
        /// Ascending.
        let keys: [Int]
        var written: [Int: Int] = [:]
    }

    private struct Chunk {
        let piece: BackfillPiece
        let keys: [Int]
        let end: [String]?
    }

    /// What goes to the target in one transaction.
    private struct Write {
        let piece: BackfillPiece
        let keys: [Int]
        let step: BackfillStep
    }

    private var random: SeededGenerator
    private var tables: [Table] = []
    private var stored: [TableName: BackfillState] = [:]
    private var board: BackfillBoard
    private let workers: Int
    private var reading: [BackfillPiece?]
    /// Delivered, in the order of the stream.
    private var inbox: [Chunk] = []
    /// Handed to the writer, not yet durable.
    private var writing: [Write] = []
    private(set) var met: [Event: Int] = [:]
    private(set) var defect: String?

    private static let target = ChunkTarget(rows: 1...20)

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        workers = Int.random(in: 1...5, using: &random)
        reading = Array(repeating: nil, count: workers)
        board = BackfillBoard(workers: workers, target: Simulation.target)
        for number in 0..<Int.random(in: 1...4, using: &random) { addTable("t\(number)") }
        restart()
    }

    private mutating func addTable(_ name: String) {
        let name = TableName(schema: "public", name: name)
        let size = [0, 1, 10, 300].randomElement(using: &random)!
        let keys = Set((0..<size).map { _ in Int.random(in: 0..<1000, using: &random) }).sorted()
        tables.append(Table(name: name, keys: keys))
        let cuts = Set(
            (0..<Int.random(in: 0...8, using: &random)).map { _ in Int.random(in: 0..<1000, using: &random) })
        let bounds: [[String]?] = [nil] + cuts.sorted().map { ["\($0)"] } + [nil]
        let ranges = zip(bounds, bounds.dropFirst()).map { KeyRange(after: $0, through: $1) }
        stored[name] = BackfillState(
            route: Route(name), ranges: ranges, startedAt: SourceTime(microseconds: 0), floor: 3)
    }

    /// Everything was written and is known to be.
    var isOver: Bool { board.isFinished && writing.isEmpty }

    mutating func step() {
        switch Int.random(in: 0..<1000, using: &random) {
        case 0..<450: work(Int.random(in: 0..<workers, using: &random))
        case 450..<750: if !inbox.isEmpty { judge(inbox.removeFirst()) }
        case 750..<980: if !writing.isEmpty { store(writing.removeFirst()) }
        case 980..<995:
            discardAll()
        default: restart()
        }
    }

    /// What the log of touches does at its limit.
    private mutating func discardAll() {
        let pieces = inbox.map(\.piece) + reading.compactMap { $0 }
        met[.discarded, default: 0] += pieces.count
        for piece in pieces { board.failed(piece) }
        inbox = []
    }

    private mutating func work(_ worker: Int) {
        guard let piece = reading[worker] else {
            if case .read(let piece) = board.next(for: worker) { reading[worker] = piece }
            return
        }
        reading[worker] = nil
        if random.chance(10) {
            met[.failedReading, default: 0] += 1
            return board.failed(piece)
        }
        let chunk = read(piece)
        let cost = ChunkCost(
            duration: .milliseconds(Int.random(in: 0...1000, using: &random)), bytes: 0, isFull: chunk.end != nil)
        if board.delivered(piece, cost: cost) {
            inbox.append(chunk)
        } else {
            met[.staleDelivery, default: 0] += 1
        }
    }

    /// As the server does; a chunk that holds all there is says so or not.
    private mutating func read(_ piece: BackfillPiece) -> Chunk {
        let table = tables.first { $0.name == piece.route.table }!
        let after = piece.range.after.map { Int($0[0])! } ?? Int.min
        let through = piece.range.through.map { Int($0[0])! } ?? Int.max
        let all = table.keys.filter { $0 > after && $0 <= through }
        let keys = Array(all.prefix(piece.limit))
        let isEnd = keys.count < piece.limit || keys.isEmpty || (keys.count == all.count && random.chance(50))
        return Chunk(piece: piece, keys: keys, end: isEnd ? nil : ["\(keys[keys.count - 1])"])
    }

    private mutating func judge(_ chunk: Chunk) {
        if random.chance(5) {
            met[.failedOutstanding, default: 0] += 1
            return board.failed(chunk.piece)
        }
        let step = chunk.piece.step(to: chunk.end, rows: chunk.keys.count)
        writing.append(Write(piece: chunk.piece, keys: chunk.keys, step: step))
    }

    private mutating func store(_ write: Write) {
        met[.finished, default: 0] += 1
        let index = tables.firstIndex { $0.name == write.piece.route.table }!
        for key in write.keys {
            tables[index].written[key, default: 0] += 1
            if tables[index].written[key] != 1 { defect = "key \(key) of \(write.piece.route.table) is written twice" }
        }
        stored[write.piece.route.table]!.advance(by: write.step)
        if !board.finished(write.piece, write.step) {
            defect = "a piece of \(write.piece.route.table) was given out twice"
        }
    }

    /// A new process: what is not stored is gone.
    private mutating func restart() {
        met[.restart, default: 0] += 1
        met[.lostWrites, default: 0] += writing.count
        reading = Array(repeating: nil, count: workers)
        inbox = []
        writing = []
        board = BackfillBoard(workers: workers, target: Simulation.target)
        for table in tables { board.add(stored[table.name]!, estimatedRows: table.keys.count) }
    }

    mutating func verify() {
        for table in tables {
            let state = stored[table.name]!
            if Set(table.written.keys) != Set(table.keys) { defect = "keys of \(table.name) are missing" }
            if state.rows != table.keys.count { defect = "\(state.rows) rows counted of \(table.keys.count)" }
            if !state.isFinished { defect = "\(table.name) is not stored as finished" }
        }
    }
}
