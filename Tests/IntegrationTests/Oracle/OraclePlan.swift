import Model
import TestSupport

/// Everything about a seed that is decided before it runs: the same seed has the same plan. (When what happens, the
/// servers decide.)
struct OraclePlan: Sendable {
    /// An end of the pipeline in the middle, without a clean one, and a start after it.
    enum Interruption: Sendable {
        /// The run in this process is cancelled so long after the load has begun.
        case cancel(after: Duration)
        /// It is cancelled while a gap is open whose changes are in the target; the gap stays open over the start.
        case cancelInGap
        /// The source ends its sessions so long after the load has begun.
        case disconnect(after: Duration, Sessions)
        /// The program itself is killed so long after it streams.
        case kill(after: Duration)
    }

    /// Sessions of the pipeline at the source.
    enum Sessions: String, CaseIterable, Sendable {
        case all = ""
        case readers = " backfill"
    }

    let seed: UInt64
    let tables: [OracleTable]
    /// By session.
    let sessions: [[OracleTransaction]]
    /// As many of the last sessions wait for the standby with each commit.
    let gapSessions: Int
    /// The load begins with the pipeline's first start, not with its stream.
    let startsEarly: Bool
    let interruption: Interruption?
    let workers: Int
    let chunkRows: Int
    let batchOperations: Int
    /// nil for the default.
    let touchLogBytes: Int?
    /// Rows that come without their large value are read again. (The program itself isn't told.)
    let readsAgain: Bool

    /// One seed of ten is decoded by wal2json.
    var plugin: OutputPlugin { seed % 10 == 7 ? .wal2json : .pgoutput }

    /// Whether one run of the engine follows another.
    var restarts: Bool {
        switch interruption {
        case .cancel, .cancelInGap, .kill: true
        case .disconnect, nil: false
        }
    }

    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        self.seed = seed
        let tables = (1...Int.random(in: 1...3, using: &generator)).map { number in
            OracleTable(
                name: "t\(number)", key: OracleTable.Key.allCases.randomElement(using: &generator) ?? .integer,
                isFull: generator.chance(20), rows: Int.random(in: 40...160, using: &generator),
                ranges: Int.random(in: 1...4, using: &generator))
        }
        let gapSessions = generator.chance(80) ? 2 : 0
        let count = 3 + gapSessions
        sessions = (0..<count).map { session in
            let opensGaps = session >= count - gapSessions
            return (0..<(opensGaps ? 6 : 22)).map { _ in
                OracleTransaction.make(on: tables, opensGaps: opensGaps, &generator)
            }
        }
        startsEarly = generator.chance(15)
        interruption =
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<2: .kill(after: .milliseconds(.random(in: 0...150, using: &generator)))
            case 2..<22: .cancel(after: .milliseconds(.random(in: 10...250, using: &generator)))
            case 22..<37 where gapSessions > 0: .cancelInGap
            case 37..<49:
                .disconnect(
                    after: .milliseconds(.random(in: 10...250, using: &generator)),
                    Sessions.allCases.randomElement(using: &generator) ?? .all)
            default: nil
            }
        workers = Int.random(in: 1...4, using: &generator)
        chunkRows = generator.chance(90) ? Int.random(in: 3...25, using: &generator) : 200
        batchOperations = Int.random(in: 16...200, using: &generator)
        touchLogBytes = generator.chance(12) ? Int.random(in: 5_000...20_000, using: &generator) : nil
        if case .kill = interruption { readsAgain = false } else { readsAgain = seed.isMultiple(of: 3) }
        self.tables = tables
        self.gapSessions = gapSessions
    }
}
