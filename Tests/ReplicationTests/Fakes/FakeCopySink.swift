import BSON
import Model
import Synchronization

/// A writer of the initial copy that keeps what it got.
final class FakeCopySink: CopySink {
    struct Write: Sendable {
        let collection: String
        let documents: [BSONDocument]
        let ledger: Int?
    }

    private struct State {
        var writes: [Write] = []
        var emptied: [CollectionPart] = []
        var swept: [(collection: CollectionPart, attempt: Int)] = []
        var forgotten: [CollectionPart] = []
        var epoch: Int64?
        var isClosed = false
        var stale: Set<CollectionPart> = []
    }

    private let state = Mutex(State())
    private let number: UInt8
    private let failure: Failure?
    private let ranges: Mutex<FakeRanges?>

    init(_ number: UInt8 = 1, failure: Failure? = nil, ranges: FakeRanges? = nil) {
        self.number = number
        self.failure = failure
        self.ranges = Mutex(ranges)
    }

    /// Where its claims are looked up.
    func use(_ ranges: FakeRanges) { self.ranges.withLock { $0 = ranges } }

    var writes: [Write] { state.withLock { $0.writes } }
    var emptied: [CollectionPart] { state.withLock { $0.emptied } }
    var swept: [(collection: CollectionPart, attempt: Int)] { state.withLock { $0.swept } }
    var forgotten: [CollectionPart] { state.withLock { $0.forgotten } }
    var epoch: Int64? { state.withLock { $0.epoch } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    var session: SessionID { get async throws { SessionID(bytes: [UInt8](repeating: number, count: 16)) } }

    func begin(epoch: Int64) async { state.withLock { $0.epoch = epoch } }

    func write(
        _ documents: CollectionWrites, refused: [Reread], holdsBack: Bool, ledger attempt: Int?, claim: RangeClaim
    ) async throws -> Bool {
        if let failure { throw failure }
        try Task.checkCancellation()
        guard ranges.withLock({ $0 })?.hold(claim, adding: documents.writes.count) ?? true else { return false }
        let bodies = try documents.writes.map { try BSONDocument(validating: documents.bytes($0.body)) }
        state.withLock { $0.writes.append(Write(collection: documents.collection, documents: bodies, ledger: attempt)) }
        return true
    }

    func empty(_ part: CollectionPart) async throws { state.withLock { $0.emptied.append(part) } }

    /// Collections with notes of an earlier attempt.
    var stale: Set<CollectionPart> {
        get { state.withLock { $0.stale } }
        set { state.withLock { $0.stale = newValue } }
    }

    func hasStaleNotes(of part: CollectionPart, attempt: Int) async throws -> Bool { stale.contains(part) }

    func sweepLedger(of part: CollectionPart, attempt: Int) async throws {
        state.withLock { $0.swept.append((part, attempt)) }
    }

    func forgetLedger(of part: CollectionPart) async throws { state.withLock { $0.forgotten.append(part) } }

    func close() async { state.withLock { $0.isClosed = true } }
}
