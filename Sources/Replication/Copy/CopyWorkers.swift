import BSON
import Mapping
import Model

/// The workers of one program in a copy from an exported snapshot: each claims one range of pages after the other, and
/// writes a part of it while the next rows are being read.
struct CopyWorkers: Sendable {
    /// A table of the copy: what its rows become.
    struct Table: Sendable {
        let version: TableVersion
        let plan: MappingPlan
        let wasEmpty: Bool
    }

    let snapshot: any SnapshotSource
    let sinks: [any CopySink]
    let ranges: any CopyRangeStore
    let copy: SharedCopy
    let tables: [Route: Table]
    let limits: BatchLimits
    /// nil where no row can be read again: there is no stream, or none that could tell when.
    let refusals: RefusalPolicies?
    /// This program's own.
    let gate: ThrottleGate
    let tally: CopyTally

    /// Bytes of one write. Every worker has two of them, and the library a copy of the one under way; with larger ones
    /// the copy is no faster.
    private static let batchBytes = 1 << 20
    /// Bytes read from the source at once.
    private static let readSize = 256 * 1024
    /// The same where a second is worth less than a batch.
    private static let slowReadSize = 16 * 1024

    /// Copies until nothing can be claimed.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sink in sinks { group.addTask { try await work(sink) } }
            // The first failure ends all.
            while try await group.next() != nil {}
        }
    }

    private func work(_ sink: any CopySink) async throws {
        let holder = try await sink.session
        var next = try await ranges.claim(in: copy, for: holder)
        guard next != nil else { return }
        var reader = try await openReader()
        do {
            while let claim = next {
                try Task.checkCancellation()
                if try await write(claim, from: reader, into: sink) {
                    try await ranges.finish(claim)
                } else {
                    // Somebody else has it; what is left of it must not be read any more.
                    await reader.close()
                    reader = try await openReader()
                }
                next = try await ranges.claim(in: copy, for: holder)
            }
        } catch {
            await reader.close()
            throw error
        }
        await reader.close()
    }

    /// A connection that isn't had at once is no reason to give up the snapshot, which lives in another session.
    private func openReader() async throws -> any SnapshotReader {
        var attempt = 0
        while true {
            do { return try await snapshot.openReader() } catch let failure as Failure
                where [.unreachable, .sourceInterrupted].contains(failure.kind) && attempt < 5
            {
                attempt += 1
                try await Task.sleep(for: RetryPolicy.backoff(attempt))
            }
        }
    }

    func keepLeases(asLeader: Bool) async throws {
        try await ranges.keep(copy, holders: holders, asLeader: asLeader)
    }

    /// Gives back what the workers had; they have ended.
    func release() async throws { try await ranges.release(copy, holders: holders) }

    private var holders: [SessionID] {
        get async throws {
            var holders: [SessionID] = []
            for sink in sinks { holders.append(try await sink.session) }
            return holders
        }
    }

    /// Whether the range is written; false when it was claimed by another meanwhile.
    private func write(_ claim: RangeClaim, from reader: any SnapshotReader, into sink: any CopySink) async throws
        -> Bool
    {
        guard let table = tables[claim.route] else {
            throw Failure(.unexpected, "table \(claim.route) is not part of the copy")
        }
        try await reader.start(
            CopyRange(
                table: table.version, leaf: claim.leaf, firstPage: claim.firstPage, endPage: claim.endPage,
                estimatedRows: claim.estimatedRows, condition: table.plan.readFilter))
        let ledger = table.wasEmpty ? nil : copy.attempt
        var pending = try await read(reader, table, claim)
        while let rows = pending {
            let (writes, count) = (rows.documents, rows.count)
            async let isWritten = sink.write(
                writes, refused: rows.refused, holdsBack: refusals?.standard == .deadLetter, ledger: ledger,
                claim: claim)
            pending = try await read(reader, table, claim)
            do { guard try await isWritten else { return false } } catch let failure as Failure {
                throw failure.naming(placeIn: writes)
            }
            tally.add(writes.writes.count, to: claim.route)
            PipelineMetrics.copied(writes.writes.count)
            guard tally.refuse(count - writes.writes.count) <= HeldLetters.most else {
                throw HeldLetters.tooMany(copy.pipeline)
            }
        }
        return true
    }

    private struct Rows {
        let documents: CollectionWrites
        /// Those that make none: read again beside the stream, which holds them back.
        var refused: [Reread] = []

        var count: Int { documents.writes.count + refused.count }
    }

    /// The next rows; nil when the range is finished.
    private func read(_ reader: any SnapshotReader, _ table: Table, _ claim: RangeClaim) async throws -> Rows? {
        let plan = table.plan
        _ = try await gate.pass(0)
        let writes = CollectionWrites(
            collection: plan.collection, hasSpecialNames: plan.needsSetField, guardField: plan.backfillGuard,
            expectsDocuments: claim.isAgain, capacity: CopyWorkers.batchBytes + CopyWorkers.readSize)
        var read = Rows(documents: writes)
        let most = gate.limit(limits.operations)
        let readSize = most < limits.operations ? CopyWorkers.slowReadSize : CopyWorkers.readSize
        while read.count < most, writes.arena.count < min(limits.bytes, CopyWorkers.batchBytes) {
            let rows = try await reader.next(maxBytes: readSize)
            if rows.isEmpty { break }
            for row in rows {
                do {
                    guard try plan.takes(row) else { continue }
                    // The key is in the document too; apart it is needed only where documents are overwritten.
                    let key = table.wasEmpty ? 0..<0 : try plan.encodeKey(row, into: &writes.arena)
                    let body = try plan.encodeDocument(row, into: &writes.arena)
                    writes.writes.append(DocumentWrite(kind: .insert, key: key, body: body))
                } catch let failure as Failure {
                    let key = plan.key(of: row)
                    guard failure.kind == .dataRefused, let key, refusals?.holdsBack(failure) == true else {
                        throw failure.naming(key)
                    }
                    read.refused.append(Reread(collection: plan.collection, key: key, cause: .copy))
                }
            }
        }
        gate.charge(read.count)
        return read.count == 0 ? nil : read
    }
}
