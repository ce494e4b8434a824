import BSON
import Logging
import Model
import PinnedThread

/// The stream's sink: one session, one transaction a batch, the checkpoint as its first write.
package actor MongoDocumentSink: DocumentSink {
    private let thread = PinnedThread(name: "mongo-sink")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    let pool: MongoPool
    let stateDatabase: String
    let pipeline: String
    private let progress: Progress
    let waiting: TargetWait
    let connection: MongoConnection
    let transactions: MongoSession
    private var epoch: Int64?
    /// Where a chunk has met documents of its keys: the stream updates rows before their chunks come.
    private var metCollections: Set<String> = []
    /// How many chunks still go without the batch before them: the last that went with it has cost both their work.
    private var chunksApart = 0

    private static let patience = 20

    package init(pool: MongoPool, stateDatabase: String, pipeline: String, progress: Progress, logger: Logger)
        async throws
    {
        self.pool = pool
        self.stateDatabase = stateDatabase
        self.pipeline = pipeline
        self.progress = progress
        waiting = TargetWait(address: pool.address, progress: progress, logger: logger)
        connection = MongoConnection(pool)
        do { transactions = try connection.startSession() } catch let error as MongoError {
            throw error.failure("starting a session", at: pool.address)
        }
    }

    package var session: SessionID { get async throws { try transactions.id } }

    package func begin(epoch: Int64) { self.epoch = epoch }

    package func close() { transactions.abort() }

    // MARK: - Batches

    package func apply(_ batch: WriteBatch, after previous: Checkpoint) async throws {
        var attempts = Attempts()
        _ = try await apply(batch, after: previous, piece: nil, &attempts)
    }

    package func write(_ chunk: ChunkWrite, at checkpoint: Checkpoint) async throws -> Int {
        let count = chunk.documents.writes.count
        let nothing = WriteBatch(checkpoint: checkpoint, collections: [], counts: WriteBatch.Counts())
        var size = PieceSize(for: chunk.documents)
        var (done, removed, attempts) = (0, 0, Attempts(canShrink: true))
        while true {
            let piece = Piece(chunk: chunk, part: done..<min(done + size.current, count), removedBefore: removed)
            if let more = try await apply(nothing, after: checkpoint, piece: piece, &attempts) {
                done = piece.part.upperBound
                removed += more
                if piece.isLast { return removed }
                size.succeed()
                attempts = Attempts(canShrink: true)
            } else if size.shrink() {
                // A smaller one is worth as many attempts.
                (attempts.conflicts, attempts.duplicates) = (0, 0)
            }
        }
    }

    package func apply(
        _ batch: WriteBatch, with chunk: ChunkWrite, after previous: Checkpoint
    ) async throws -> Int? {
        try Task.checkCancellation()
        // Where an application writes, a transaction that holds documents for long makes it wait.
        let isGuarded = (batch.collections + [chunk.documents]).contains { $0.guardField != nil }
        if isGuarded { return nil }
        if chunksApart > 0 {
            chunksApart -= 1
            return nil
        }
        let piece = Piece(chunk: chunk, part: 0..<chunk.documents.writes.count, removedBefore: 0)
        do {
            return try await attempt(batch, .insertFirst, after: previous, piece, mode(of: piece))
        } catch {
            transactions.abort()
            // Nothing of it is written, or all of it, and only the answer was lost: applying the batch finds that out.
            switch error {
            case let error as CollectionError where error.error.duplicateKey?.keyPattern == ["_id"]:
                // Should it be the batch's own, the next chunk looks in vain.
                metCollections.insert(chunk.documents.collection)
            case is CollectionError, is MongoError: chunksApart = MongoDocumentSink.patience
            case let failure as Failure where failure.kind == .dataRefused: break
            default: throw error
            }
            progress.update { $0.retries += 1 }
            return nil
        }
    }

    private func mode(of piece: Piece?) -> WriteMode {
        piece.map { metCollections.contains($0.chunk.documents.collection) } == true ? .overwrite : .insertFirst
    }

    /// Some documents of a chunk.
    private struct Piece {
        let chunk: ChunkWrite
        let part: Range<Int>
        /// Documents that the pieces before have deleted.
        let removedBefore: Int

        /// Then progress and notes go with it: a chunk that is there in part is written again.
        var isLast: Bool { part.upperBound == chunk.documents.writes.count }
    }

    /// - Returns: how many documents are deleted; nil when a piece collided with another writer: nothing is written,
    ///   and a smaller one may do.
    private func apply(
        _ batch: WriteBatch, after previous: Checkpoint, piece: Piece?, _ attempts: inout Attempts
    ) async throws -> Int? {
        var mode = mode(of: piece)
        while true {
            try Task.checkCancellation()
            let conflicts = attempts.conflicts
            do {
                let removed = try await attempt(batch, mode, after: previous, piece, mode) ?? 0
                waiting.ended(after: attempts.interruptions)
                return removed
            } catch let failed as CollectionError {
                transactions.abort()
                mode = try await react(to: failed, mode: mode, &attempts)
                if let piece, mode == .overwrite { metCollections.insert(piece.chunk.documents.collection) }
            } catch let error as MongoError {
                transactions.abort()
                mode = try await react(to: error, in: nil, mode: mode, &attempts)
            } catch {
                transactions.abort()
                throw error
            }
            if piece != nil, attempts.conflicts > conflicts { return nil }
        }
    }

    /// One transaction: a batch, and behind it the piece.
    ///
    /// - Returns: how many documents of the piece are deleted; nil when the batch is durable already.
    private func attempt(
        _ batch: WriteBatch, _ mode: WriteMode, after previous: Checkpoint, _ piece: Piece?, _ pieceMode: WriteMode
    ) async throws -> Int? {
        guard batch.hasWrites || piece != nil else {
            return try moveCheckpoint(to: batch, after: previous, session: nil) ? 0 : nil
        }
        try transactions.startTransaction()
        guard try moveCheckpoint(to: batch, after: previous, session: transactions) else { return nil }
        var writer = TransactionWriter(connection: connection, session: transactions, database: pool.database)
        let notes = BackfillNotes(
            connection: connection, session: transactions, stateDatabase: stateDatabase, pipeline: pipeline)
        for writes in batch.collections { try writer.write(writes, mode: mode) }
        try notes.write(batch.rereads)
        let letters = LetterNotes(
            connection: connection, session: transactions, stateDatabase: stateDatabase, pipeline: pipeline)
        try letters.write(batch.letters, by: batch.letterOrders)
        var removed = 0
        if let piece {
            writer.part = piece.part
            removed = try writer.write(piece.chunk.documents, mode: pieceMode)
            if piece.isLast {
                try notes.write(piece.chunk, removed: piece.removedBefore + removed)
                try letters.release(piece.chunk.released, in: piece.chunk.documents.collection)
                try letters.write(piece.chunk.letters, by: piece.chunk.letterOrders)
                if piece.chunk.leavesRowsOut { try letters.require(piece.chunk.letterOrders) }
            }
        }
        try await waiting.commit(transactions)
        return removed
    }

    /// Writes the checkpoint, provided that the stored one is `previous` and the epoch ours. False when the batch turns
    /// out to be durable already: an earlier commit whose answer was lost.
    func moveCheckpoint(to batch: WriteBatch, after previous: Checkpoint, session: MongoSession?) throws -> Bool {
        guard let epoch else { throw Failure(.unexpected, "the sink was used before the pipeline was taken over") }
        let filter = [("_id", BSONValue.string(pipeline)), ("epoch", .int64(epoch))] + previous.filter
        var change: BSONDocument = ["$set": ["checkpoint": batch.checkpoint.bson]]
        if batch.counts.startsSplitTransaction {
            change = [
                "$set": ["checkpoint": batch.checkpoint.bson], "$inc": ["statistics.split_transactions": .int64(1)],
            ]
        }
        var command: [(String, BSONValue)] = [
            ("update", .string(StateCollection.pipelines)),
            ("updates", [["q": .document(BSONDocument(filter)), "u": .document(change)]]),
        ]
        if session == nil { command.append(("writeConcern", majority)) }
        let reply = try connection.command(stateDatabase, BSONDocument(command), session: session)
        if reply["n"]?.asInt64 == 1 { return true }
        transactions.abort()
        try makeSure(batch.checkpoint, isStoredFor: epoch)
        return false
    }

    /// After a checkpoint that did not match: fine if it is the batch's own (an earlier commit got through), else some
    /// other worker writes.
    private func makeSure(_ checkpoint: Checkpoint, isStoredFor epoch: Int64) throws {
        let found = try connection.find(
            stateDatabase, StateCollection.pipelines, filter: ["_id": .string(pipeline)], limit: 1
        ).first
        guard let found, found["epoch"]?.asInt64 == epoch else { throw Failure.fenced(pipeline) }
        guard let stored = found["checkpoint"]?.asDocument.flatMap({ Checkpoint($0) }),
            stored.isSamePosition(as: checkpoint)
        else {
            // A commit of ours whose outcome was not waited for has come through since: go on from what is stored.
            throw Failure(.targetInterrupted, "the checkpoint of pipeline \(pipeline) has moved meanwhile")
        }
    }

    // MARK: - Reactions

    /// As `react(to:in:mode:_:)`; a refusal says which write it is about, where that is known.
    private func react(
        to failed: CollectionError, mode: WriteMode, _ attempts: inout Attempts
    ) async throws -> WriteMode {
        do {
            return try await react(to: failed.error, in: failed.collection, mode: mode, &attempts)
        } catch var failure as Failure where failure.kind == .dataRefused {
            failure.place = failed.position.map { Failure.Place(collection: failed.collection, position: $0) }
            throw failure
        }
    }

    struct Attempts {
        /// Whether a conflict is answered by a smaller transaction here. A batch fails instead, and the engine makes
        /// the next ones smaller.
        var canShrink = false
        var conflicts = 0
        /// Of them in a row those that met a key, though each try had looked for it.
        var duplicates = 0
        var interruptions = 0
        /// When the one under way began.
        var begun = ContinuousClock.now
    }

    /// A transaction that the server ended after this was too long (by default it ends those of a minute); one that it
    /// ended sooner was in another's way.
    private static let longAttempt = Duration.seconds(30)

    /// How to try again, after a pause where one helps.
    ///
    /// - Throws: a `Failure` when trying again can't help.
    func react(to error: MongoError, in collection: String?, mode: WriteMode, _ attempts: inout Attempts)
        async throws -> WriteMode
    {
        progress.update { $0.retries += 1 }
        let tookLong = .now - attempts.begun > MongoDocumentSink.longAttempt
        defer { attempts.begun = .now }
        let isTooLarge = error.isTooLarge || error.code == MongoError.noSuchTransaction && tookLong
        if isTooLarge, !attempts.canShrink { throw Failure.tooLarge(in: collection) }
        if let duplicate = error.duplicateKey {
            if let next = nextMode(after: mode, duplicate) { return next }
            if duplicate.keyPattern != ["_id"] { throw Failure.uniqueIndex(duplicate, of: collection) }
        }
        // A duplicate _id while overwriting is another writer's document that came meanwhile: as good as a conflict.
        if isTooLarge || error.isConflict || error.duplicateKey != nil {
            attempts.conflicts += 1
            attempts.duplicates = error.duplicateKey == nil ? 0 : attempts.duplicates + 1
            guard attempts.conflicts <= 8 else {
                if isTooLarge { throw Failure.tooLarge(in: collection) }
                throw attempts.duplicates > 8 ? Failure.collation(of: collection) : Failure.conflicts(in: collection)
            }
            try await Task.sleep(for: .milliseconds(2 << attempts.conflicts))
            return mode
        }
        guard error.isTransient || error.hasLabel("UnknownTransactionCommitResult") else {
            throw error.failure("applying changes" + (collection.map { " to \($0)" } ?? ""), at: pool.address)
        }
        attempts.interruptions += 1
        try await waiting.pause(attempts.interruptions)
        return mode
    }

    private func nextMode(after mode: WriteMode, _ duplicate: MongoError.WriteError) -> WriteMode? {
        switch mode {
        case .insertFirst: duplicate.keyPattern == ["_id"] ? .overwrite : .rebuild
        case .overwrite: duplicate.keyPattern == ["_id"] ? nil : .rebuild
        case .rebuild: nil
        }
    }
}
