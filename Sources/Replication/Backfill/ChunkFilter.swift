import BSON
import Mapping
import Model

/// The backfill as the stream's preparer sees it: remembers which rows the stream has touched, and leaves out of a
/// chunk what its snapshot is too old for.
///
/// A chunk's turn comes when everything committed before its rows were read has been prepared. A row that a transaction
/// has touched which the chunk's snapshot does not see is stale: if the stream sent the whole row, or its end, the
/// document is as it should be; if it sent a part (large values unchanged), the row has to be read again.
struct ChunkFilter {
    private var touches: TouchLog
    private let byteLimit: Int
    private let inbox: ChunkInbox
    /// Those whose backfill isn't finished.
    private(set) var unfinished: Set<CollectionPart>
    /// Those, and collections with rows to be read again: what the stream touches of them is remembered.
    private var tracked: Set<String>
    /// Rows that have to be read again, until they are written.
    private var pending: PendingRereads
    /// Whether every row has its whole document, but for those pending.
    private var everyRowIsThere = false
    /// Applied or prepared transactions that no snapshot is known to see.
    private var fence = VisibilityFence()
    /// As of the last look into the inbox.
    private var horizon: ChunkInbox.Horizon
    /// The newest id that the stream has brought: while nothing is to be read, no snapshot says how ids go on.
    private var newestID: UInt64
    private let progress: Progress
    private let scratch = Scratch()

    /// Rows of one chunk that are worth being read again one by one.
    static let mostRereads = 100

    /// What becomes of a transaction's changes, or of a part of them.
    struct Recorded {
        /// Rows to be noted in the batch, to be read again.
        var rereads: [Reread] = []
        /// Places of changes that can't be written as they were sent: of their rows nothing is written now. Ascending.
        var readAgain: [Int] = []
        /// Changes of a key.
        fileprivate var moved = 0
    }

    /// Bytes of the keys at hand.
    private final class Scratch {
        var writer = BSONWriter(capacity: 256)
    }

    /// - Parameters:
    ///   - unfinished: those with an unfinished backfill.
    ///   - tracked: collections of those, and those with rows to be read again from before this stream.
    ///   - pending: these rows.
    ///   - fence: that of the checkpoint the stream starts from.
    init(
        unfinished: Set<CollectionPart>, tracked: Set<String> = [], pending: PendingRereads, inbox: ChunkInbox,
        fence: VisibilityFence?, byteLimit: Int, progress: Progress
    ) {
        self.unfinished = unfinished
        self.tracked = tracked.union(unfinished.map(\.collection))
        self.inbox = inbox
        self.pending = pending
        self.progress = progress
        self.byteLimit = byteLimit
        horizon = inbox.horizon
        newestID = horizon.newest.xmax
        touches = TouchLog(byteLimit: byteLimit)
        for collection in self.tracked { touches.track(collection) }
        touches.setFloor(horizon.floor)
        if isAwake, let fence { self.fence = fence }
    }

    /// Whether something has to be remembered of the stream. Once everything is there nothing has to, and no snapshots
    /// are taken any more.
    private var isAwake: Bool { !tracked.isEmpty }

    /// Notes what one transaction changes, or a part of one.
    ///
    /// - Returns: what has to be read again: rows that can't be written as they were sent, and a key change that left
    ///   large values out, of a row whose document may not be there yet, so that there is nothing to move.
    mutating func record(_ changes: [Change], of xid: UInt32, plans: PlanTable) throws -> Recorded {
        let id = widen(xid)
        var recorded = Recorded()
        guard isAwake || plans.mayReadAgain else { return recorded }
        look()
        for (place, change) in changes.enumerated() {
            if try record(change, of: id, plans, &recorded) { recorded.readAgain.append(place) }
        }
        // All that is touched from the first of them on: nobody has changed such a row before it who wasn't seen yet.
        if isAwake { meet(id) }
        let moved = recorded.moved
        if horizon.chunks > 0, moved > 0 { progress.update { $0.backfill.keysMoved += moved } }
        if touches.isOverLimit || pending.isOverLimit {
            // One UPDATE of millions of rows: what is under way is read again, by snapshots that see more of it.
            // (None is read before a snapshot sees everything that is forgotten here.)
            inbox.discardAll(until: fence)
            touches.clear()
            if pending.isOverLimit { pending.spill() }
            progress.update { $0.backfill.touchLogCleared += 1 }
        }
        return recorded
    }

    /// Notes that one transaction has truncated tables.
    mutating func recordTruncation(of truncated: [CollectionPart], by xid: UInt32) {
        let id = widen(xid)
        guard isAwake else { return }
        look()
        meet(id)
        for part in truncated where tracked.contains(part.collection) { touches.touchAll(in: part, by: id) }
    }

    /// What the checkpoint after everything recorded has to carry.
    mutating func currentFence() -> VisibilityFence? {
        guard isAwake else { return nil }
        look()
        return fence.ids.isEmpty ? nil : fence
    }

    /// What is to be done at this point of the stream; nil when nothing is, or nobody waits for it any more.
    mutating func admit(_ token: String) -> Admission? {
        pending.forget(inbox.takeSettled())
        switch inbox.take(token) {
        case nil: return nil
        case .chunk(let chunk): return admit(chunk).map { .chunk($0) }
        case .question(let question):
            guard pending.isEmpty(settling: question.spills) else {
                return .tell { [spills = pending.spills] in question.answer(.no(spills: spills)) }
            }
            rest()
            question.answer(.nothingIsLeft)
            return nil
        case .everyRowIsThere(let answer):
            everyRowIsThere = true
            answer(true)
            return nil
        }
    }

    /// Nothing is left to be read: nothing has to be remembered.
    private mutating func rest() {
        (unfinished, tracked) = ([], [])
        fence = VisibilityFence()
        touches = TouchLog(byteLimit: byteLimit)
        touches.setFloor(horizon.floor)
        pending.finish()
    }

    private mutating func admit(_ chunk: Chunk) -> AdmittedChunk? {
        let documents = chunk.documents
        let read = documents.writes.count
        var rereads: [Reread] = []
        let retried = Set(chunk.rereads.filter { $0.cause == .retry })
        documents.writes.removeAll { write in
            let verdict = documents.withBytes(write.key) {
                touches.verdict(on: $0, in: documents.collection, for: chunk.snapshot)
            }
            if verdict == .write { return false }
            let reread = Reread(
                collection: documents.collection, key: BSONDocument(unchecked: documents.bytes(write.key)))
            // Nothing that the stream has brought of a retried row is written: it is held back.
            if verdict == .readAgain || retried.contains(reread) { rereads.append(reread) }
            return true
        }
        if chunk.progress != nil, rereads.count > ChunkFilter.mostRereads {
            chunk.settled(.outdated)
            return nil
        }
        let stale = read - documents.writes.count - rereads.count
        if stale > 0 { progress.update { $0.backfill.rowsStale += stale } }
        let count = rereads.count { !pending.contains($0) }
        if count > 0 { progress.update { $0.backfill.rowsReadAgain += count } }
        // A row that isn't in the chunk may only have come to its key after the snapshot: then it is still to be read.
        rereads += chunk.rereads.filter { reread in
            pending.xid(of: reread).map { !chunk.snapshot.sees($0) } ?? false && !rereads.contains(reread)
        }
        let letters = newest(chunk.letters, for: chunk.snapshot, retried, &rereads)
        let causes = Dictionary(chunk.rereads.map { ($0, $0.cause) }, uniquingKeysWith: { first, _ in first })
        rereads = rereads.map { reread in
            pending.note(Reread(collection: reread.collection, key: reread.key, cause: causes[reread] ?? reread.cause))
        }
        let settling = Set(chunk.rereads).subtracting(rereads).compactMap { pending.settling($0) }
        return AdmittedChunk(
            write: ChunkWrite(
                documents: documents, progress: chunk.progress, sweep: chunk.sweep, rereads: rereads,
                settled: chunk.rereads, letters: letters),
            settled: { [inbox] outcome in
                if case .written = outcome { inbox.settled(settling) }
                chunk.settled(outcome)
            })
    }

    /// The letters of rows that nobody has touched since.
    private func newest(
        _ letters: [DeadLetter], for snapshot: VisibilitySnapshot, _ retried: Set<Reread>, _ rereads: inout [Reread]
    ) -> [DeadLetter] {
        letters.filter { letter in
            guard let key = letter.keys.first else { return false }
            let verdict = touches.verdict(on: key.bytes, in: letter.collection, for: snapshot)
            let reread = Reread(collection: letter.collection, key: key)
            if verdict == .readAgain || verdict == .skip && retried.contains(reread), !rereads.contains(reread) {
                rereads.append(reread)
            }
            return verdict == .write
        }
    }

    /// Forgets what every snapshot from now on sees.
    private mutating func look() {
        let now = inbox.horizon(unseen: fence.ids)
        guard now.version != horizon.version else { return }
        horizon = now
        touches.setFloor(now.floor)
        fence = fence.remaining(after: now.newest) ?? VisibilityFence()
    }

    /// The 64-bit id of a transaction that is prepared now.
    private mutating func widen(_ xid: UInt32) -> UInt64 {
        let id = VisibilitySnapshot.widen(xid, near: max(newestID, horizon.newest.xmax))
        newestID = max(newestID, id)
        return id
    }

    /// A transaction is prepared that snapshots may not see yet.
    private mutating func meet(_ id: UInt64) {
        if !horizon.newest.sees(id), fence.ids.last != id { fence.ids.append(id) }
    }

    /// - Returns: whether the row has to be read again instead of being written.
    private mutating func record(
        _ change: Change, of id: UInt64, _ plans: PlanTable, _ recorded: inout Recorded
    ) throws -> Bool {
        scratch.writer.truncate(to: 0)
        switch change {
        case .insert(let table, let row):
            let plan = try plans.plan(for: table)
            guard concerns(plan) else { return false }
            let key = try plan.encodeKey(row, into: &scratch.writer)
            let isUnknown = plan.mayReadAgain && plan.needsReread(row, old: nil)
            if isUnknown { readAgain(key, plan, id, .change, &recorded) }
            touch(key, plan, id, isPartial: isUnknown)
            return isUnknown
        case .update(let table, let old, let new):
            let plan = try plans.plan(for: table)
            return try concerns(plan) && record(old, new, plan, of: id, &recorded)
        case .delete(let table, let old):
            let plan = try plans.plan(for: table)
            if concerns(plan) { touch(try plan.encodeKey(old.row, into: &scratch.writer), plan, id, isPartial: false) }
        case .truncate: break
        }
        return false
    }

    private func concerns(_ plan: MappingPlan) -> Bool { plan.mayReadAgain || tracked.contains(plan.collection) }

    private mutating func record(
        _ old: OldRow?, _ new: Row, _ plan: MappingPlan, of id: UInt64, _ recorded: inout Recorded
    ) throws -> Bool {
        let isPartial = !plan.isWhole(new, with: old)
        let key = try plan.encodeKey(new, fallback: old?.row, into: &scratch.writer)
        var origin = try old.map { try plan.encodeKey($0.row, into: &scratch.writer) }
        if let same = origin, scratch.writer.hasEqualBytes(same, key) { origin = nil }
        let before = isPartial && isAwake ? reread(origin ?? key, plan) : nil
        let isUnknown =
            plan.mayReadAgain && plan.needsReread(new, old: old) || before.map { pending.isStale($0) } ?? false
        if isUnknown {
            readAgain(key, plan, id, .change, &recorded)
        } else if origin != nil, let before,
            !everyRowIsThere && unfinished.contains(plan.part) || pending.contains(before)
        {
            readAgain(key, plan, id, .backfill, &recorded)
        }
        touch(key, plan, id, isPartial: isPartial || isUnknown)
        if let origin {
            touch(origin, plan, id, isPartial: false)
            recorded.moved += 1
        }
        return isUnknown
    }

    /// Notes a row that has to be read again, by a snapshot that sees the transaction.
    private mutating func readAgain(
        _ key: Range<Int>, _ plan: MappingPlan, _ id: UInt64, _ cause: Reread.Cause, _ recorded: inout Recorded
    ) {
        if tracked.insert(plan.collection).inserted { touches.track(plan.collection) }
        let reread = reread(key, plan, cause)
        if !pending.contains(reread) { progress.update { $0.backfill.rowsReadAgain += 1 } }
        recorded.rereads.append(pending.note(reread, until: id))
    }

    private func reread(_ key: Range<Int>, _ plan: MappingPlan, _ cause: Reread.Cause = .backfill) -> Reread {
        Reread(
            collection: plan.collection, key: BSONDocument(unchecked: scratch.writer.bytes(in: key)), cause: cause)
    }

    private mutating func touch(_ key: Range<Int>, _ plan: MappingPlan, _ id: UInt64, isPartial: Bool) {
        let isPartial = pending.hasRetried && pending.isRetried(reread(key, plan), until: id) || isPartial
        scratch.writer.withUnsafeBytes(in: key) { touches.touch($0, in: plan.collection, by: id, isPartial: isPartial) }
    }
}
