import BSON
import Logging
import Mapping
import Model

/// Who reads beside one stream: first what is left of every table, in chunks, several at a time, then single rows that
/// the stream has sent in part. What is read is left for the stream to bring in its turn; what isn't written when the
/// stream ends is read again beside the next one.
struct LiveBackfill: Sendable {
    let source: any ChunkSource
    let target: any TargetDatabase
    /// Nothing is read of these, but the stream's changes of them are remembered.
    let paused: [Route]
    /// Ends a backfill that was asked for, with the reason for the operator: its condition fails, or a row can't be
    /// written.
    let giveUp: @Sendable (Route, Failure) async throws -> Void
    /// Those of the backfill.
    let tables: [Route: BackfillTable]
    let rereadTables: RereadTables
    /// Rows to be read again that the state database has, as many as that at most.
    let storedRereads: @Sendable (_ limit: Int) async throws -> [Reread]
    /// What the stream's changes of are remembered from the beginning.
    let tracked: Set<String>
    let board: BackfillBoard
    let rereads: RereadQueue
    let inbox: ChunkInbox
    let gate: ThrottleGate
    let watch: BackfillWatch
    let workers: Int
    /// Bytes of documents that a chunk may grow to.
    let chunkBytes: Int
    let refusals: RefusalPolicies
    let progress: Progress
    let logger: Logger

    /// How often a snapshot is taken for those who wait for one.
    static let snapshotInterval = Duration.milliseconds(200)
    /// Rows of one chunk of keys.
    static let rereadCount = 50
    /// Bytes read from the source at once.
    private static let readSize = 256 * 1024

    /// Whether there is a backfill to go on with.
    var hasTables: Bool { !tables.isEmpty }
    /// Whether there is that, or a row to be read again.
    var hasWork: Bool { hasTables || rereads.hasWork }

    /// The backfill. Returns when every row is in the target or on its way there in the stream.
    func run() async throws {
        if !paused.isEmpty {
            let names = paused.map(\.description).joined(separator: ", ")
            logger.notice("backfill paused", metadata: ["tables": "\(names)"])
        }
        try await whileWatching { group in
            group.addTask {
                try await readSegments()
                try await settleRefusals()
                try await tellThatEveryRowIsThere()
                try await removeGone()
                rereads.everythingElseIsRead()
                return false
            }
        }
        publish()
        logger.info("backfill finished", metadata: ["rows_copied": "\(board.progress.reduce(0) { $0 + $1.rows })"])
    }

    /// Reads rows again until nothing is left to be, with snapshots and the watch beside it.
    ///
    /// - Parameter addOthers: adds what else is to be done meanwhile, to end with false.
    func whileWatching(_ addOthers: (inout ThrowingTaskGroup<Bool, any Error>) -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await noteSnapshots()
                return false
            }
            group.addTask {
                try await watch.run()
                return false
            }
            addOthers(&group)
            group.addTask {
                try await readAgainUntilWhole()
                return true
            }
            defer { group.cancelAll() }
            while let isFinished = try await group.next(), !isFinished {}
        }
        await watch.end()
    }

    private func readSegments() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<workers { group.addTask { try await work(number) } }
            // Not waitForAll, which lets the others read to the end before it throws.
            for try await _ in group {}
        }
    }

    private func work(_ number: Int) async throws {
        let reader = try await source.openChunkReader()
        do {
            // While one chunk waits for its turn the next is read; it is left for the stream when that one is written.
            var before: AsyncStream<Never>?
            while let piece = await board.nextPiece(for: number) {
                let settling = before
                try await giveUpOnRefusal(of: piece.route) {
                    before = try await read(piece, with: reader, after: settling)
                }
                publish()
            }
        } catch {
            await reader.close()
            throw error
        }
        await reader.close()
        try Task.checkCancellation()
    }

    /// A condition that fails on a row ends its own backfill, not the stream.
    func giveUpOnRefusal(of route: Route, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as Failure where failure.kind == .usage && tables[route]?.condition != nil {
            try await end(route, because: failure)
        }
    }

    /// - Returns: what ends when the chunk is settled; nil when there is none.
    private func read(
        _ piece: BackfillPiece, with reader: any ChunkReader, after before: AsyncStream<Never>?
    ) async throws -> AsyncStream<Never>? {
        guard let table = tables[piece.route] else {
            throw Failure(.unexpected, "table \(piece.route) is not part of the backfill")
        }
        let piece = piece.limited(to: try await gate.pass(piece.limit))
        let token = try await announce()
        do {
            return try await read(piece, of: table, as: token, with: reader, after: before)
        } catch {
            inbox.withdraw(token)
            if let failure = error as? Failure, goesOn(after: failure, in: piece) { return before }
            board.failed(piece)
            throw error
        }
    }

    private func read(
        _ piece: BackfillPiece, of table: BackfillTable, as token: String, with reader: any ChunkReader,
        after before: AsyncStream<Never>?
    ) async throws -> AsyncStream<Never>? {
        let begin = ContinuousClock.now
        let start = try await reader.start(
            table.version, key: table.key, range: piece.range, limit: piece.limit, where: table.condition)
        guard inbox.note(start.snapshot, for: token) else {
            gate.charge(-piece.limit)
            board.failed(piece)
            return before
        }
        guard let rows = try await readRows(of: table, from: reader, isBounded: piece.limit > 1, refusals) else {
            inbox.withdraw(token)
            board.failed(piece, isTooLarge: true)
            return before
        }
        gate.charge(rows.count - piece.limit)
        let cost = ChunkCost(duration: .now - begin, bytes: rows.documents.arena.count, isFull: start.end != nil)
        if let before { for await _ in before {} }
        guard board.delivered(piece, cost: cost) else {
            inbox.withdraw(token)
            return nil
        }
        let (chunk, settled) = chunk(of: piece, rows, start)
        inbox.deliver(.chunk(chunk), as: token)
        _ = try await source.emit(token: ChunkToken.content(token))
        return settled
    }

    /// The chunk, and what ends when it is settled.
    private func chunk(
        of piece: BackfillPiece, _ rows: ReadRows, _ start: ChunkStart
    ) -> (Chunk, AsyncStream<Never>) {
        let (settled, settling) = AsyncStream<Never>.makeStream()
        let step = piece.step(to: start.end, rows: rows.count)
        let chunk = Chunk(
            documents: rows.documents, snapshot: start.snapshot, progress: step, rereads: [], letters: rows.letters
        ) { outcome in
            defer { settling.finish() }
            switch outcome {
            case .discarded: board.failed(piece)
            case .outdated: board.failed(piece, isTooLarge: true)
            case .refused(let failure): refuse(piece, failure)
            case .written(let again, _):
                rereads.add(again)
                board.finished(piece, step)
            }
        }
        return (chunk, settled)
    }

    /// What a chunk holds.
    struct ReadRows {
        let documents: CollectionWrites
        /// Rows that make no document.
        private(set) var letters: [DeadLetter] = []
        private(set) var letterBytes = 0

        init(documents: CollectionWrites) { self.documents = documents }

        mutating func add(_ letter: DeadLetter) {
            letters.append(letter)
            letterBytes += letter.byteCount
        }

        var count: Int { documents.writes.count + letters.count }
    }

    /// The rows of a chunk as documents; nil when they are too many bytes for one, and there could be fewer of them.
    ///
    /// - Throws: `Failure(.dataRefused)` for a row that makes none, unless the policies have it kept.
    func readRows(
        of table: BackfillTable, from reader: any ChunkReader, isBounded: Bool, _ refusals: RefusalPolicies
    ) async throws -> ReadRows? {
        var read = ReadRows(documents: table.documents())
        while true {
            let rows = try await reader.next(maxBytes: LiveBackfill.readSize)
            if rows.isEmpty { return read }
            for row in rows {
                do {
                    try table.append(row, to: read.documents)
                } catch let failure as Failure where failure.kind == .dataRefused {
                    guard refusals.holdsBack(failure) else { throw failure.naming(table.plan.key(of: row)) }
                    read.add(try DeadLetter(row, of: table, because: failure))
                }
            }
            if isBounded, read.documents.arena.count + read.letterBytes > chunkBytes { return nil }
        }
    }

    // MARK: - Fences

    /// A token, once snapshots see everything they have to.
    func announce() async throws -> String {
        var isWaiting = false
        while true {
            try Task.checkCancellation()
            if let token = inbox.announce() { return token }
            if !isWaiting { progress.update { $0.backfill.fenceWaits += 1 } }
            isWaiting = true
            try await Task.sleep(for: LiveBackfill.snapshotInterval)
        }
    }

    /// Keeps the fence of the checkpoint short, and lets those pass who wait for it.
    private func noteSnapshots() async throws {
        while !Task.isCancelled {
            inbox.note(try await source.currentSnapshot())
            try await Task.sleep(for: LiveBackfill.snapshotInterval)
        }
    }

    func publish() {
        let tables = board.progress
        progress.update { snapshot in
            snapshot.tables = tables.map { table in
                var entry = TableProgress(
                    table: table.route.table, collection: self.tables[table.route]?.plan.collection ?? "",
                    estimatedRows: table.estimatedRows)
                entry.copiedRows = table.rows
                entry.isFinished = table.isFinished
                return entry
            }
        }
    }
}
