import Model
import Synchronization

/// Where the readers of a backfill leave their chunks, and the preparer of the stream finds them when the stream
/// reaches the message that carries their token. It also knows which snapshots the chunks under way have: what all of
/// them see need not be remembered of the stream.
///
/// A chunk is announced before its snapshot is taken, and counts with the newest snapshot known then until it has its
/// own: what an earlier snapshot saw, every later one sees.
final class ChunkInbox: Sendable {
    private struct State {
        var nextToken = 0
        /// Announced and not settled.
        var underway: [String: Underway] = [:]
        var delivered: [String: ChunkInbox.Delivery] = [:]
        /// What a chunk's snapshot has to see.
        var fence: VisibilityFence?
        var horizon: Horizon
        /// Transactions that the stream has brought and no snapshot is known to see.
        var unseen: [UInt64] = []
        var settled: [SettledReread] = []

        /// Two readers may tell of their snapshots in another order than they took them. What either saw, all to come
        /// see.
        mutating func advance(to snapshot: VisibilitySnapshot) {
            horizon.newest = horizon.newest.union(snapshot)
            fence = fence?.remaining(after: snapshot)
        }

        /// After any change of what is under way or of the newest snapshot.
        mutating func moveFloor() {
            let floor = underway.values.reduce(horizon.newest) { $0.intersection($1.snapshot) }
            horizon = Horizon(
                newest: horizon.newest, floor: floor, chunks: underway.count, version: horizon.version + 1)
        }
    }

    private struct Underway {
        /// What its snapshot sees at least.
        var snapshot: VisibilitySnapshot
        /// What the stream had brought before, unseen until then.
        let unseen: [UInt64]
    }

    private let state: Mutex<State>
    /// Tells the tokens of this stream from those an earlier one has left in the log.
    private let run: String
    private let progress: Progress

    /// - Parameters:
    ///   - snapshot: one taken before the stream's first change is prepared.
    ///   - fence: that of the checkpoint the stream starts from.
    init(run: String, snapshot: VisibilitySnapshot, fence: VisibilityFence?, progress: Progress) {
        self.run = run
        self.progress = progress
        state = Mutex(
            State(
                fence: fence?.remaining(after: snapshot),
                horizon: Horizon(newest: snapshot, floor: snapshot, chunks: 0, version: 0)))
    }

    /// What snapshots see, as far as it is known.
    struct Horizon: Sendable {
        /// The newest one.
        var newest: VisibilitySnapshot
        /// What every chunk under way sees, and every one to come.
        var floor: VisibilitySnapshot
        /// How many are under way.
        var chunks: Int
        /// Another one whenever anything of it has changed.
        var version: Int
    }

    var horizon: Horizon { state.withLock { $0.horizon } }

    /// As the stream's preparer asks for it.
    ///
    /// - Parameter unseen: the transactions that the stream has brought and no snapshot is known to see.
    func horizon(unseen: [UInt64]) -> Horizon {
        state.withLock { state in
            state.unseen = unseen
            return state.horizon
        }
    }

    /// What the stream finds at a token.
    enum Delivery: Sendable {
        case chunk(Chunk)
        /// Whether every row is there by now, and nothing needs to be read again.
        case question(Question)
        /// Every chunk there is has been written; answered once the stream knows.
        case everyRowIsThere(@Sendable (Bool) -> Void)

        func discard() {
            switch self {
            case .chunk(let chunk): chunk.settled(.discarded)
            case .question(let question): question.answer(.no(spills: question.spills))
            case .everyRowIsThere(let answer): answer(false)
            }
        }
    }

    /// Whether something is left to be read.
    struct Question: Sendable {
        /// How often, as far as the one who asks knows, the preparer has left rows to the state database; nothing of
        /// them stood there any more when the question was put.
        let spills: Int
        let answer: @Sendable (Answer) -> Void

        enum Answer: Hashable, Sendable {
            case nothingIsLeft
            /// What has been noted before the question is durable when this is told.
            case no(spills: Int)
        }
    }

    /// Begins a chunk; it is ended by `deliver` or `withdraw`.
    ///
    /// - Returns: nil while a fence stands: snapshots have to be noted until one has passed it.
    func announce() -> String? {
        state.withLock { state in
            guard state.fence == nil else { return nil }
            state.nextToken += 1
            let token = "\(run) \(state.nextToken)"
            state.underway[token] = Underway(snapshot: state.horizon.newest, unseen: state.unseen)
            state.moveFloor()
            return token
        }
    }

    /// The snapshot of an announced chunk is taken.
    ///
    /// - Returns: false when the chunk was discarded meanwhile, and need not be read.
    func note(_ snapshot: VisibilitySnapshot, for token: String) -> Bool {
        let isBehind = state.withLock { state -> Bool? in
            state.advance(to: snapshot)
            defer { state.moveFloor() }
            guard let unseen = state.underway[token]?.unseen else { return nil }
            state.underway[token]?.snapshot = snapshot
            return !unseen.allSatisfy(snapshot.sees)
        }
        if isBehind == true { progress.update { $0.backfill.chunksBehind += 1 } }
        return isBehind != nil
    }

    /// Notes a snapshot that no chunk belongs to.
    func note(_ snapshot: VisibilitySnapshot) {
        state.withLock { state in
            state.advance(to: snapshot)
            state.moveFloor()
        }
    }

    /// Leaves something for the stream; before its token is written into the log.
    func deliver(_ delivery: Delivery, as token: String) {
        let isWanted = state.withLock { state in
            guard state.underway[token] != nil else { return false }
            state.delivered[token] = delivery
            return true
        }
        if !isWanted { delivery.discard() }
    }

    /// Gives up an announced chunk.
    func withdraw(_ token: String) {
        let delivery = state.withLock { state in
            state.underway[token] = nil
            state.moveFloor()
            return state.delivered.removeValue(forKey: token)
        }
        delivery?.discard()
    }

    /// What lies at the token; nil when it is somebody else's, or was discarded.
    func take(_ token: String) -> Delivery? {
        state.withLock { state in
            guard let delivery = state.delivered.removeValue(forKey: token) else { return nil }
            state.underway[token] = nil
            state.moveFloor()
            return delivery
        }
    }

    // MARK: - Rows read again

    func settled(_ rereads: [SettledReread]) { state.withLock { $0.settled += rereads } }

    func takeSettled() -> [SettledReread] {
        state.withLock { state in
            defer { state.settled = [] }
            return state.settled
        }
    }

    // MARK: - Fences

    /// What snapshots don't see yet that they have to, before any chunk can be read; nil when nothing stands in the
    /// way.
    var fence: VisibilityFence? { state.withLock { $0.fence } }

    /// Discards every chunk under way: it has to be read again, by a snapshot that has passed this fence too.
    func discardAll(until fence: VisibilityFence) {
        let discarded = state.withLock { state in
            state.underway = [:]
            state.moveFloor()
            state.fence = (state.fence?.union(fence) ?? fence).remaining(after: state.horizon.newest)
            defer { state.delivered = [:] }
            return Array(state.delivered.values)
        }
        for delivery in discarded { delivery.discard() }
    }
}
