import BSON
import Model
import PinnedThread

/// One writer of the initial copy: its own client and session. Every batch is a transaction that reads the pipeline's
/// epoch: a worker that was taken over can't put rows of an old snapshot beside its successor's. (The successor raises the
/// epoch, then kills this session: a transaction begun before is aborted, one begun afterwards sees the new epoch.)
package actor MongoCopySink: CopySink {
    private let thread = PinnedThread(name: "mongo-copy")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    private let stateDatabase: String
    private let pipeline: String
    private let progress: Progress
    private let connection: MongoConnection
    private let transactions: MongoSession
    private var epoch: Int64?

    package init(pool: MongoPool, stateDatabase: String, pipeline: String, progress: Progress) async throws {
        self.pool = pool
        self.stateDatabase = stateDatabase
        self.pipeline = pipeline
        self.progress = progress
        connection = MongoConnection(pool)
        do { transactions = try connection.startSession() } catch let error as MongoError {
            throw error.failure("starting a session", at: pool.address)
        }
    }

    package var session: SessionID { get async throws { try transactions.id } }

    package func begin(epoch: Int64) { self.epoch = epoch }

    package func close() { transactions.abort() }

    package func write(_ documents: CollectionWrites, ledger attempt: Int?) async throws {
        var overwrite = attempt != nil
        var interruptions = 0
        while true {
            try Task.checkCancellation()
            do {
                try transactions.startTransaction()
                try checkEpoch()
                try put(documents, overwrite: overwrite, ledger: attempt)
                try await commit()
                break
            } catch let error as MongoError {
                transactions.abort()
                // After a commit whose answer was lost our own rows can be there already.
                if let duplicate = error.duplicateKey, duplicate.keyPattern == ["_id"], !overwrite {
                    overwrite = true
                    continue
                }
                guard error.isTransient || error.code == 112 else { throw refusal(error, documents.collection) }
                interruptions += 1
                try await wait(interruptions)
            } catch {
                transactions.abort()
                throw error
            }
        }
        if interruptions > 0 { progress.update { $0.waiting = nil } }
    }

    private func checkEpoch() throws {
        guard let epoch else { throw Failure(.unexpected, "the copy was begun before the pipeline was taken over") }
        let found = try connection.find(
            stateDatabase, StateCollection.pipelines, filter: ["_id": .string(pipeline)], projection: ["epoch": 1],
            limit: 1, session: transactions
        ).first
        guard found?["epoch"]?.asInt64 == epoch else { throw Failure.fenced(pipeline) }
    }

    private func put(_ documents: CollectionWrites, overwrite: Bool, ledger attempt: Int?) throws {
        let bulk = try connection.bulk(pool.database, documents.collection, session: transactions)
        for write in documents.writes {
            try documents.withBytes(write.body) { body in
                guard overwrite else { return try bulk.insert(body) }
                let key: BSONDocument = ["_id": BSONDocument(unchecked: Array(body))["_id"] ?? .null]
                try key.bytes.withUnsafeBytes { key in
                    guard documents.hasSpecialNames else { return try bulk.replace(key, with: body) }
                    try SpecialNames.replacement(body).bytes.withUnsafeBytes {
                        try bulk.update(key, $0, upsert: true)
                    }
                }
            }
        }
        try bulk.execute()
        if let attempt { try note(documents, attempt: attempt) }
    }

    /// Notes the keys in the same transaction.
    private func note(_ documents: CollectionWrites, attempt: Int) throws {
        let bulk = try connection.bulk(stateDatabase, StateCollection.copiedKeys, session: transactions)
        for write in documents.writes {
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

    private func commit() async throws {
        var attempt = 0
        while true {
            do { return try transactions.commit() } catch let error as MongoError
                where error.hasLabel("UnknownTransactionCommitResult")
            {
                attempt += 1
                try await wait(attempt)
            }
        }
    }

    private func wait(_ attempt: Int) async throws {
        if attempt == 1 {
            progress.update { $0.waiting = Waiting(reason: "waiting for MongoDB at \(pool.address)", since: .now) }
        }
        try await Task.sleep(for: .milliseconds(min(50 << min(attempt, 7), 5000)))
    }

    private func refusal(_ error: MongoError, _ collection: String) -> Failure {
        guard let duplicate = error.duplicateKey else {
            return error.failure("copying into \(collection)", at: pool.address)
        }
        return Failure(
            .dataRefused,
            "a unique index on (\(duplicate.keyPattern.joined(separator: ", "))) of collection \(collection) refuses a "
                + "row of the source",
            hint:
                "The source allows two rows there that the index doesn't. Drop the index or mend the data, then start "
                + "again.")
    }
}
