import BSON
import Logging
import Model
import PinnedThread

/// One writer of the initial copy: its own client and session. Every batch is a transaction that writes the claim of
/// its range: a writer whose range was finished by another, or whose copy is over, can't put rows of an old snapshot
/// beside what came after it. Cleaning up reads the pipeline's epoch in every transaction instead. (A successor raises
/// the epoch, then kills this session: a transaction begun before is aborted, one begun afterwards sees the new epoch.)
package actor MongoCopySink: CopySink {
    private let thread = PinnedThread(name: "mongo-copy")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    private let stateDatabase: String
    private let pipeline: String
    private let waiting: TargetWait
    private let connection: MongoConnection
    private let transactions: MongoSession
    private var epoch: Int64?

    package init(pool: MongoPool, stateDatabase: String, pipeline: String, progress: Progress, logger: Logger)
        async throws
    {
        self.pool = pool
        self.stateDatabase = stateDatabase
        self.pipeline = pipeline
        waiting = TargetWait(address: pool.address, progress: progress, logger: logger)
        connection = MongoConnection(pool)
        do { transactions = try connection.startSession() } catch let error as MongoError {
            throw error.failure("starting a session", at: pool.address)
        }
    }

    package var session: SessionID { get async throws { try transactions.id } }

    package func begin(epoch: Int64) { self.epoch = epoch }

    package func close() { transactions.abort() }

    package func write(
        _ documents: CollectionWrites, refused: [Reread], holdsBack: Bool, ledger attempt: Int?, claim: RangeClaim
    ) async throws -> Bool {
        var (refused, done) = (refused, 0)
        while true {
            do {
                return try await write(documents, from: &done, &refused, ledger: attempt, claim: claim)
            } catch let failure as Failure where failure.kind == .dataRefused {
                guard holdsBack, let place = failure.place else { throw failure }
                let body = BSONDocument(unchecked: documents.bytes(documents.writes.remove(at: place.position).body))
                let key: BSONDocument = ["_id": body["_id"] ?? .null]
                refused.append(Reread(collection: documents.collection, key: key, cause: .copy))
            }
        }
    }

    /// - Parameters:
    ///   - done: how many documents are written.
    ///   - refused: rows to be noted; empty once they are.
    /// - Throws: `Failure(.dataRefused)` with the place among all documents.
    private func write(
        _ documents: CollectionWrites, from done: inout Int, _ refused: inout [Reread], ledger attempt: Int?,
        claim: RangeClaim
    ) async throws -> Bool {
        var overwrite = attempt != nil || documents.expectsDocuments
        var size = PieceSize(for: documents)
        var collisions = 0
        do {
            while done < documents.writes.count || !refused.isEmpty {
                var part = 0..<0
                try await transaction(in: documents.collection) { error in
                    if error.isConflict || error.isTooLarge { return size.shrink() }
                    guard error.duplicateKey?.keyPattern == ["_id"] else { return false }
                    // Two upserts of one key at once; or an insert, and our own rows are there already after a commit
                    // whose answer was lost.
                    if overwrite { collisions += 1 }
                    overwrite = true
                    return collisions <= 8
                } body: {
                    part = done..<min(done + size.current, documents.writes.count)
                    // First: whoever else has the range, or ends the copy, waits for this transaction or makes it fail.
                    try hold(claim, adding: part.count)
                    try notes.write(refused)
                    try put(documents, part, overwrite: overwrite, ledger: attempt)
                }
                refused = []
                done = part.upperBound
                size.succeed()
            }
        } catch is ClaimLost {
            try await requireEpoch()
            return false
        } catch var failure as Failure {
            // It was one in the part.
            failure.place = failure.place.map { Failure.Place(collection: $0.collection, position: done + $0.position) }
            throw failure
        }
        return true
    }

    /// The range is another's, or there is no such copy any more.
    private struct ClaimLost: Error {}

    private func hold(_ claim: RangeClaim, adding rows: Int) throws {
        let lease: BSONValue = ["$add": ["$$NOW", .int64(MongoCopyRanges.leaseMilliseconds)]]
        let change: BSONValue = ["rows": ["$add": ["$rows", .int64(Int64(rows))]], "lease_until": lease]
        let held = try connection.command(
            stateDatabase,
            [
                "update": .string(StateCollection.copyRanges),
                "updates": [["q": .document(claim.filter), "u": [["$set": change]]]],
            ], session: transactions)
        guard held["n"]?.asInt64 == 1 else { throw ClaimLost() }
    }

    /// - Throws: `Failure(.fenced)` when it has moved on.
    private func requireEpoch() async throws {
        let found = try await read(
            stateDatabase, StateCollection.pipelines, ["_id": .string(pipeline)], projection: ["epoch": 1])
        guard let stored = found.first?["epoch"]?.asInt64, stored != epoch else { return }
        throw Failure.fenced(pipeline)
    }

    /// One transaction that makes sure of the epoch.
    private func step(in collection: String, body: () throws -> Void) async throws {
        try await transaction(in: collection) {
            try checkEpoch()
            try body()
        }
    }

    /// One transaction, repeated for as long as the target is away.
    ///
    /// - Parameter mend: whether another try at once can get past this error.
    private func transaction(
        in collection: String, mend: (MongoError) -> Bool = { _ in false }, body: () throws -> Void
    ) async throws {
        var interruptions = 0
        while true {
            try Task.checkCancellation()
            do {
                try transactions.startTransaction()
                try body()
                try await waiting.commit(transactions)
                break
            } catch let error as MongoError {
                transactions.abort()
                if mend(error) { continue }
                guard error.isTransient else { throw refusal(error, collection) }
                interruptions += 1
                try await waiting.pause(interruptions)
            } catch {
                transactions.abort()
                throw error
            }
        }
        waiting.ended(after: interruptions)
    }

    private func checkEpoch() throws {
        guard let epoch else { throw Failure(.unexpected, "the copy was begun before the pipeline was taken over") }
        let found = try connection.find(
            stateDatabase, StateCollection.pipelines, filter: ["_id": .string(pipeline)], projection: ["epoch": 1],
            limit: 1, session: transactions
        ).first
        guard found?["epoch"]?.asInt64 == epoch else { throw Failure.fenced(pipeline) }
    }

    private var notes: BackfillNotes {
        BackfillNotes(
            connection: connection, session: transactions, stateDatabase: stateDatabase, pipeline: pipeline)
    }

    private func put(_ documents: CollectionWrites, _ part: Range<Int>, overwrite: Bool, ledger attempt: Int?) throws {
        if part.isEmpty { return }
        let bulk = try connection.bulk(pool.database, documents.collection, session: transactions)
        for write in documents.writes[part] {
            try documents.withBytes(write.body) { body in
                guard overwrite else { return try bulk.insert(body) }
                let key: BSONDocument = ["_id": BSONDocument(unchecked: Array(body))["_id"] ?? .null]
                try key.bytes.withUnsafeBytes { key in
                    guard let replacement = try documents.replacement(body) else {
                        return try bulk.replace(key, with: body)
                    }
                    try replacement.bytes.withUnsafeBytes { try bulk.update(key, $0, upsert: true) }
                }
            }
        }
        try bulk.execute()
        if let attempt { try note(documents, part, attempt: attempt) }
    }

    /// Notes the keys in the same transaction.
    private func note(_ documents: CollectionWrites, _ part: Range<Int>, attempt: Int) throws {
        let bulk = try connection.bulk(stateDatabase, StateCollection.copiedKeys, session: transactions)
        for write in documents.writes[part] {
            let key = BSONDocument(unchecked: documents.bytes(write.key))["_id"] ?? .null
            let id: BSONDocument = [
                "_id": ["pipeline": .string(pipeline), "collection": .string(documents.collection), "key": key]
            ]
            let update: BSONDocument = [
                "$set": ["attempt": .int32(Int32(clamping: attempt)), "schema_version": .int32(stateSchemaVersion)]
            ]
            try id.bytes.withUnsafeBytes { id in
                try update.bytes.withUnsafeBytes { try bulk.update(id, $0, upsert: true) }
            }
        }
        try bulk.execute()
    }

    // MARK: - Cleaning up after an earlier attempt

    package func empty(_ part: CollectionPart) async throws {
        let collection = part.collection
        while true {
            let keys = try await read(pool.database, collection, part.filter, projection: ["_id": 1])
            if keys.isEmpty { return }
            try await step(in: collection) {
                let bulk = try connection.bulk(pool.database, collection, session: transactions)
                for key in keys { try key.bytes.withUnsafeBytes { try bulk.remove($0) } }
                try bulk.execute()
            }
        }
    }

    package func sweepLedger(of part: CollectionPart, attempt: Int) async throws {
        try await forgetNotes(staleNotes(of: part, attempt), deletingFrom: part.collection)
    }

    package func hasStaleNotes(of part: CollectionPart, attempt: Int) async throws -> Bool {
        let stale = staleNotes(of: part, attempt)
        return try await !read(stateDatabase, StateCollection.copiedKeys, stale, projection: ["_id": 1]).isEmpty
    }

    private func staleNotes(of part: CollectionPart, _ attempt: Int) -> BSONDocument {
        [
            "_id": StateCollection.keys(of: part, in: pipeline),
            "attempt": ["$lt": .int32(Int32(clamping: attempt))],
        ]
    }

    package func forgetLedger(of part: CollectionPart) async throws {
        try await forgetNotes(["_id": StateCollection.keys(of: part, in: pipeline)], deletingFrom: nil)
    }

    /// Removes notes, and in the same transactions the documents they name when there is a collection.
    private func forgetNotes(_ filter: BSONDocument, deletingFrom collection: String?) async throws {
        while true {
            let notes = try await read(stateDatabase, StateCollection.copiedKeys, filter, projection: ["_id": 1])
            if notes.isEmpty { return }
            try await step(in: collection ?? StateCollection.copiedKeys) {
                let ledger = try connection.bulk(stateDatabase, StateCollection.copiedKeys, session: transactions)
                for note in notes { try note.bytes.withUnsafeBytes { try ledger.remove($0) } }
                try ledger.execute()
                guard let collection else { return }
                let documents = try connection.bulk(pool.database, collection, session: transactions)
                for note in notes {
                    let key: BSONDocument = ["_id": note["_id"]?.asDocument?["key"] ?? .null]
                    try key.bytes.withUnsafeBytes { try documents.remove($0) }
                }
                try documents.execute()
            }
        }
    }

    /// Up to 5,000 documents, as soon as the target answers.
    private func read(
        _ database: String, _ collection: String, _ filter: BSONDocument, projection: BSONDocument
    ) async throws -> [BSONDocument] {
        var interruptions = 0
        while true {
            try Task.checkCancellation()
            do {
                let found = try connection.find(
                    database, collection, filter: filter, projection: projection, limit: 5000)
                waiting.ended(after: interruptions)
                return found
            } catch let error as MongoError {
                guard error.isTransient else { throw refusal(error, collection) }
                interruptions += 1
                try await waiting.pause(interruptions)
            }
        }
    }

    private func refusal(_ error: MongoError, _ collection: String) -> Failure {
        var failure = error.failure("copying into \(collection)", at: pool.address)
        if let duplicate = error.duplicateKey {
            failure = Failure(
                .dataRefused,
                "a unique index on (\(duplicate.keyPattern.joined(separator: ", "))) of collection \(collection) "
                    + "refuses a row of the source",
                hint: "The source allows two rows there. Drop the index or mend the data, then start again.")
        }
        if failure.kind == .dataRefused {
            failure.place = error.writeErrors.first.map { Failure.Place(collection: collection, position: $0.index) }
        }
        return failure
    }
}
