import Model
import Synchronization

/// The ranges of shared copies in memory. Leases are over when a test says so.
final class FakeRanges: CopyRangeStore {
    var session: SessionID { get async throws { SessionID(bytes: [UInt8](repeating: 9, count: 16)) } }

    private enum Stage: Hashable {
        case waiting, done
        case claimed(SessionID)
    }

    private struct Range {
        let range: CopyRange
        var stage = Stage.waiting
        var isExpired = false
        var rows = 0
        var claims = 0
    }

    private struct State {
        var copy: SharedCopy?
        var standing = CopyStanding.gone
        var ranges: [Range] = []
        var closed: [Bool] = []
        var failures: [String: [Failure]] = [:]
        var calls: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// By the name of the call; the first is thrown and taken away.
    func fail(_ call: String, _ failure: Failure) { state.withLock { $0.failures[call, default: []].append(failure) } }

    /// What a leader that isn't heard of any more leaves.
    func set(_ standing: CopyStanding) { state.withLock { $0.standing = standing } }

    /// The leases of everything claimed are over.
    func expire() {
        state.withLock { state in
            for index in state.ranges.indices { state.ranges[index].isExpired = true }
        }
    }

    var closed: [Bool] { state.withLock { $0.closed } }
    var claimed: Int { state.withLock { $0.ranges.count { if case .claimed = $0.stage { true } else { false } } } }
    var open: Int { state.withLock { $0.ranges.count { $0.stage != .done } } }

    func count(_ call: String) -> Int { state.withLock { $0.calls[call, default: 0] } }

    private func called(_ call: String, _ state: inout State) throws {
        state.calls[call, default: 0] += 1
        guard let failure = state.failures[call]?.first else { return }
        state.failures[call]?.removeFirst()
        throw failure
    }

    func publish(_ copy: SharedCopy, _ ranges: [CopyRange]) async throws {
        try state.withLock { state in
            try called("publish", &state)
            state.copy = copy
            state.standing = .going
            state.ranges = ranges.map { Range(range: $0) }
        }
    }

    func current(of pipeline: String) async throws -> SharedCopy? {
        try state.withLock { state in
            try called("current", &state)
            return state.standing == .going ? state.copy : nil
        }
    }

    func claim(in copy: SharedCopy, for holder: SessionID) async throws -> RangeClaim? {
        try state.withLock { state in
            try called("claim", &state)
            guard state.copy == copy else { return nil }
            let free = state.ranges.firstIndex { $0.stage == .waiting || $0.stage == .claimed(holder) }
            let expired = state.ranges.firstIndex { $0.isExpired && $0.stage != .done }
            guard let index = free ?? expired else { return nil }
            state.ranges[index].stage = .claimed(holder)
            state.ranges[index].isExpired = false
            state.ranges[index].rows = 0
            state.ranges[index].claims += 1
            let range = state.ranges[index].range
            return RangeClaim(
                copy: copy, number: index, route: range.route, firstPage: range.firstPage,
                endPage: range.endPage, estimatedRows: range.estimatedRows, holder: holder,
                isAgain: state.ranges[index].claims > 1)
        }
    }

    /// What a writer's transaction does: false when the range is not its own.
    func hold(_ claim: RangeClaim, adding rows: Int) -> Bool {
        state.withLock { state in
            guard state.copy == claim.copy, state.ranges.indices.contains(claim.number),
                state.ranges[claim.number].stage == .claimed(claim.holder)
            else { return false }
            state.ranges[claim.number].rows += rows
            return true
        }
    }

    func finish(_ claim: RangeClaim) async throws {
        guard hold(claim, adding: 0) else { return }
        state.withLock { $0.ranges[claim.number].stage = .done }
    }

    func release(_ copy: SharedCopy, holders: [SessionID]) async throws {
        state.withLock { state in
            for index in state.ranges.indices
            where holders.contains(where: { state.ranges[index].stage == .claimed($0) }) {
                state.ranges[index].stage = .waiting
            }
        }
    }

    func keep(_ copy: SharedCopy, holders: [SessionID], asLeader: Bool) async throws {}

    func standing(of copy: SharedCopy) async throws -> CopyStanding {
        state.withLock { $0.copy == copy ? $0.standing : .gone }
    }

    func progress(of copy: SharedCopy) async throws -> [SharedTableProgress] {
        state.withLock { state in
            guard state.copy == copy else { return [] }
            return Dictionary(grouping: state.ranges, by: \.range.route).map { route, ranges in
                SharedTableProgress(
                    route: route, estimatedRows: ranges.reduce(0) { $0 + $1.range.estimatedRows },
                    rows: ranges.reduce(0) { $0 + $1.rows }, ranges: ranges.count,
                    openRanges: ranges.count { $0.stage != .done })
            }
        }
    }

    func close(_ pipeline: String, epoch: Int64, isWhole: Bool) async throws {
        try state.withLock { state in
            try called("close", &state)
            state.closed.append(isWhole)
            state.ranges = []
            if state.copy != nil { state.standing = .ended(isWhole: isWhole) }
        }
    }
}
