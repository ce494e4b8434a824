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
    private let inbox: ChunkInbox
    /// Collections whose backfill isn't finished.
    private(set) var unfinished: Set<String>
    /// Rows that have to be read again before every document is whole, until they are written.
    private var pending: [Reread: Pending] = [:]
    private var lastNumber = 0
    /// Whether every row has its whole document, but for those pending.
    private var everyRowIsThere = false
    /// Applied or prepared transactions that no snapshot is known to see.
    private var fence: VisibilityFence
    /// As of the last look into the inbox.
    private var horizon: ChunkInbox.Horizon
    private let progress: Progress
    private let scratch = Scratch()

    /// Rows of one chunk that are worth being read again one by one.
    static let mostRereads = 100

    private struct Pending {
        /// The transaction that a snapshot has to see for it; 0 for what every snapshot to come sees.
        var xid: UInt64
        /// Another one each time there is a reason: what has been read for the one before settles it no more.
        var number: Int
    }

    /// Bytes of the keys at hand.
    private final class Scratch {
        var writer = BSONWriter(capacity: 256)
    }

    /// - Parameters:
    ///   - collections: those with an unfinished backfill.
    ///   - pending: rows that have to be read again, from before this stream.
    ///   - fence: that of the checkpoint the stream starts from.
    init(
        collections: Set<String>, pending: Set<Reread>, inbox: ChunkInbox, fence: VisibilityFence?, byteLimit: Int,
        progress: Progress
    ) {
        unfinished = collections
        self.inbox = inbox
        self.fence = fence ?? VisibilityFence()
        self.progress = progress
        horizon = inbox.horizon
        touches = TouchLog(byteLimit: byteLimit)
        for collection in collections { touches.track(collection) }
        touches.setFloor(horizon.floor)
        for reread in pending { note(reread) }
    }

    /// Notes what one transaction changes, or a part of one.
    ///
    /// - Returns: rows that have to be read again: a key change that left large values out, of a row whose document may
    ///   not be there yet, so that there is nothing to move.
    mutating func record(_ changes: [Change], of xid: UInt32, plans: PlanTable) throws -> [Reread] {
        // Once everything is there nothing has to be remembered, and no snapshots are taken any more.
        guard !unfinished.isEmpty else { return [] }
        let id = widen(xid)
        var rereads: [Reread] = []
        var moved = 0
        for change in changes where try record(change, of: id, plans, &rereads) { moved += 1 }
        if horizon.chunks > 0, moved > 0 { progress.update { [moved] in $0.backfill.keysMoved += moved } }
        if touches.isOverLimit {
            // One UPDATE of millions of rows: what is under way is read again, by snapshots that see more of it.
            // (None is read before a snapshot sees everything that is forgotten here.)
            inbox.discardAll(until: fence)
            touches.clear()
            progress.update { $0.backfill.touchLogCleared += 1 }
        }
        return rereads
    }

    /// Notes that one transaction has emptied collections.
    mutating func recordTruncation(of truncated: [String], by xid: UInt32) {
        guard !unfinished.isEmpty else { return }
        let id = widen(xid)
        for collection in truncated where unfinished.contains(collection) { touches.touchAll(in: collection, by: id) }
    }

    /// What the checkpoint after everything recorded has to carry.
    mutating func currentFence() -> VisibilityFence? {
        look()
        return fence.ids.isEmpty ? nil : fence
    }

    /// What may be written at this point of the stream; nil when nothing is, or nobody waits for it any more.
    mutating func admit(_ token: String) -> AdmittedChunk? {
        forgetSettled()
        switch inbox.take(token) {
        case nil: return nil
        case .chunk(let chunk): return admit(chunk)
        case .question(let answer):
            let isFinished = pending.isEmpty
            if isFinished {
                unfinished = []
                fence = VisibilityFence()
                touches = TouchLog(byteLimit: 0)
            }
            answer(isFinished)
            return nil
        case .everyRowIsThere(let answer):
            everyRowIsThere = true
            answer(true)
            return nil
        }
    }

    private mutating func admit(_ chunk: Chunk) -> AdmittedChunk? {
        let documents = chunk.documents
        let read = documents.writes.count
        var rereads: [Reread] = []
        documents.writes.removeAll { write in
            let verdict = documents.withBytes(write.key) {
                touches.verdict(on: $0, in: documents.collection, for: chunk.snapshot)
            }
            if verdict == .readAgain {
                rereads.append(
                    Reread(
                        collection: documents.collection, key: BSONDocument(unchecked: documents.bytes(write.key))))
            }
            return verdict != .write
        }
        if chunk.progress != nil, rereads.count > ChunkFilter.mostRereads {
            chunk.settled(.outdated)
            return nil
        }
        let stale = read - documents.writes.count - rereads.count
        if stale > 0 { progress.update { $0.backfill.rowsStale += stale } }
        let count = rereads.count { pending[$0] == nil }
        if count > 0 { progress.update { $0.backfill.rowsReadAgain += count } }
        // A row that isn't in the chunk may only have come to its key after the snapshot: then it is still to be read.
        rereads += chunk.rereads.filter { reread in
            pending[reread].map { !chunk.snapshot.sees($0.xid) } ?? false && !rereads.contains(reread)
        }
        for reread in rereads { note(reread) }
        let settling = Set(chunk.rereads).subtracting(rereads).compactMap { reread in
            pending[reread].map { SettledReread(reread: reread, number: $0.number) }
        }
        return AdmittedChunk(
            write: ChunkWrite(
                documents: documents, progress: chunk.progress, sweep: chunk.sweep, rereads: rereads,
                settled: chunk.rereads),
            settled: { [inbox] outcome in
                if case .written = outcome { inbox.settled(settling) }
                chunk.settled(outcome)
            })
    }

    /// Forgets rows that have been read again and written, and have not come to be pending once more since.
    private mutating func forgetSettled() {
        for settled in inbox.takeSettled() where pending[settled.reread]?.number == settled.number {
            pending[settled.reread] = nil
        }
    }

    /// - Parameter xid: nil for what every snapshot to come sees, unless it waits for one already.
    private mutating func note(_ reread: Reread, until xid: UInt64? = nil) {
        lastNumber += 1
        pending[reread] = Pending(xid: xid ?? pending[reread]?.xid ?? 0, number: lastNumber)
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
        look()
        let id = horizon.newest.widen(xid)
        if !horizon.newest.sees(id), fence.ids.last != id { fence.ids.append(id) }
        return id
    }

    /// - Returns: whether the row's key is another one now.
    private mutating func record(
        _ change: Change, of id: UInt64, _ plans: PlanTable, _ rereads: inout [Reread]
    ) throws -> Bool {
        scratch.writer.truncate(to: 0)
        switch change {
        case .insert(let table, let row), .delete(let table, .key(let row)), .delete(let table, .full(let row)):
            let plan = try plans.plan(for: table)
            guard unfinished.contains(plan.collection) else { return false }
            touch(try plan.encodeKey(row, into: &scratch.writer), plan, id, isPartial: false)
        case .update(let table, let old, let new):
            let plan = try plans.plan(for: table)
            guard unfinished.contains(plan.collection) else { return false }
            let isPartial = !plan.isWhole(new, with: old)
            let key = try plan.encodeKey(new, fallback: old?.row, into: &scratch.writer)
            touch(key, plan, id, isPartial: isPartial)
            guard let old else { return false }
            let origin = try plan.encodeKey(old.row, into: &scratch.writer)
            guard !scratch.writer.hasEqualBytes(origin, key) else { return false }
            touch(origin, plan, id, isPartial: false)
            if isPartial, !everyRowIsThere || pending[reread(origin, plan)] != nil {
                let moved = reread(key, plan)
                if pending[moved] == nil { progress.update { $0.backfill.rowsReadAgain += 1 } }
                note(moved, until: id)
                rereads.append(moved)
            }
            return true
        case .truncate: break
        }
        return false
    }

    private func reread(_ key: Range<Int>, _ plan: MappingPlan) -> Reread {
        Reread(collection: plan.collection, key: BSONDocument(unchecked: scratch.writer.bytes(in: key)))
    }

    private mutating func touch(_ key: Range<Int>, _ plan: MappingPlan, _ id: UInt64, isPartial: Bool) {
        scratch.writer.withUnsafeBytes(in: key) { touches.touch($0, in: plan.collection, by: id, isPartial: isPartial) }
    }
}

/// A chunk as the writer gets it.
struct AdmittedChunk: Sendable {
    let write: ChunkWrite
    let settled: @Sendable (Chunk.Outcome) -> Void
}
