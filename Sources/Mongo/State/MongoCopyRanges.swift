import BSON
import Logging
import Model
import PinnedThread

/// The ranges of shared copies in MongoDB.
///
/// What only decides who does what is written with write concern 1: a claim or an end that a change of primaries takes
/// back is a range that is copied once more. That a copy is whole is read with read concern majority.
package actor MongoCopyRanges: CopyRangeStore {
    private let thread = PinnedThread(name: "mongo-ranges")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// How long a range stays with a writer that isn't heard of.
    static let leaseMilliseconds: Int64 = 60_000
    /// Most time for a command that may have to wait for a transaction of a frozen writer.
    private static let patience: BSONValue = 20_000

    private let pool: MongoPool
    private let database: String
    private let worker: WorkerIdentity
    private let waiting: TargetWait
    private lazy var connection = MongoConnection(pool)
    private var transactions: MongoSession?

    /// - Parameter database: name of the state database.
    package init(pool: MongoPool, database: String, worker: WorkerIdentity, progress: Progress, logger: Logger) {
        self.pool = pool
        self.database = database
        self.worker = worker
        waiting = TargetWait(address: pool.address, progress: progress, logger: logger)
    }

    // MARK: - The leader's

    package func publish(_ copy: SharedCopy, _ ranges: [CopyRange]) async throws {
        try await patiently("writing the copy's ranges") {
            try remove(StateCollection.ranges(of: copy))
            let documents = ranges.enumerated().map { BSONValue.document($1.bson(number: $0, of: copy)) }
            for begin in stride(from: 0, to: documents.count, by: 1000) {
                try connection.command(
                    database,
                    [
                        "insert": .string(StateCollection.copyRanges),
                        "documents": .array(Array(documents[begin..<min(begin + 1000, documents.count)])),
                        "writeConcern": majority,
                    ])
            }
            // Last: nobody finds the ranges before.
            try asLeader(copy.pipeline, copy.epoch) { session in
                let fields = copy.fields + [("ended", .null), ("leader_until", lease)]
                try connection.command(
                    database,
                    update(
                        StateCollection.copies, ["_id": .string(copy.pipeline)],
                        [["$set": .document(BSONDocument(fields))]], upsert: true), session: session)
            }
        }
    }

    package func close(_ pipeline: String, epoch: Int64, isWhole: Bool) async throws {
        try await patiently("ending the shared copy") {
            try asLeader(pipeline, epoch) { session in
                try connection.command(
                    database,
                    update(
                        StateCollection.copies, ["_id": .string(pipeline), "ended": .null],
                        ["$set": ["ended": .string(isWhole ? "whole" : "given_up")]]), session: session)
            }
            let ranges = StateCollection.ranges(of: pipeline, through: epoch)
            try kill(ranges)
            try remove(ranges)
        }
    }

    package var session: SessionID {
        get throws {
            do { return try ownSession().id } catch let error as MongoError {
                throw error.failure("starting a session", at: pool.address)
            }
        }
    }

    private func ownSession() throws -> MongoSession {
        if let transactions { return transactions }
        let session = try connection.startSession()
        transactions = session
        return session
    }

    /// In a transaction that makes sure of the epoch.
    private func asLeader(_ pipeline: String, _ epoch: Int64, _ body: (MongoSession) throws -> Void) throws {
        let session = try ownSession()
        try session.startTransaction()
        defer { session.abort() }
        try connection.hold(pipeline, epoch: epoch, in: database, session)
        try body(session)
        try session.commit()
    }

    /// Ends the transactions that frozen writers have left open, for speed: whoever waits for one would wait for up to
    /// a minute (`transactionLifetimeLimitSeconds`). Another user's may not be killed; that is no error.
    private func kill(_ ranges: BSONValue) throws {
        let claimed = try connection.find(
            database, StateCollection.copyRanges, filter: ["_id": ranges, "state": "claimed"], projection: ["by": 1],
            limit: 10_000)
        let sessions = claimed.compactMap { $0["by"]?.asDocument?["session"] }.map { BSONValue.document(["id": $0]) }
        guard !sessions.isEmpty else { return }
        do { try connection.command("admin", ["killSessions": .array(sessions)]) } catch let error as MongoError {
            guard error.code == 13 else { throw error }
        }
    }

    private func remove(_ ranges: BSONValue) throws {
        try connection.command(
            database,
            [
                "delete": .string(StateCollection.copyRanges), "deletes": [["q": ["_id": ranges], "limit": 0]],
                "writeConcern": majority, "maxTimeMS": MongoCopyRanges.patience,
            ])
    }

    // MARK: - Everybody's

    package func current(of pipeline: String) async throws -> SharedCopy? {
        try await patiently("looking for a copy") {
            try connection.find(
                database, StateCollection.copies,
                filter: [
                    "_id": .string(pipeline), "ended": .null, "$expr": ["$gt": ["$leader_until", "$$NOW"]],
                ], limit: 1
            ).first.flatMap { SharedCopy($0) }
        }
    }

    package func claim(in copy: SharedCopy, for holder: SessionID) async throws -> RangeClaim? {
        try await patiently("claiming a part of the copy") {
            let all = StateCollection.ranges(of: copy)
            let session = BSONValue.binary(subtype: 4, holder.bytes)
            // Its own: the answer to an earlier claim was lost.
            let free: BSONValue = [["state": "waiting"], ["state": "claimed", "by.session": session]]
            if let claim = try take(["_id": all, "$or": free], in: copy, for: holder) { return claim }
            let isOver: BSONValue = ["$lt": ["$lease_until", "$$NOW"]]
            let expired = try connection.find(
                database, StateCollection.copyRanges, filter: ["_id": all, "state": "claimed", "$expr": isOver],
                projection: ["_id": 1], limit: 1
            ).first?["_id"]
            guard let expired else { return nil }
            try kill(["$eq": expired])
            return try take(["_id": expired, "state": "claimed", "$expr": isOver], in: copy, for: holder)
        }
    }

    private func take(_ filter: BSONDocument, in copy: SharedCopy, for holder: SessionID) throws -> RangeClaim? {
        let by: BSONValue = [
            "host": .string(worker.host), "pid": .int64(Int64(worker.pid)),
            "session": .binary(subtype: 4, holder.bytes),
        ]
        let fields: BSONValue = [
            "state": "claimed", "by": ["$literal": by], "lease_until": lease, "rows": .int64(0),
            "claims": ["$add": ["$claims", 1]],
        ]
        let reply = try connection.command(
            database,
            [
                "findAndModify": .string(StateCollection.copyRanges), "query": .document(filter), "sort": ["_id": 1],
                "update": [["$set": fields]], "new": true, "writeConcern": ["w": 1],
                "maxTimeMS": MongoCopyRanges.patience,
            ])
        return reply["value"]?.asDocument.flatMap { RangeClaim($0, in: copy, for: holder) }
    }

    package func finish(_ claim: RangeClaim) async throws {
        try await patiently("noting a part of the copy") {
            _ = try connection.command(
                database,
                update(StateCollection.copyRanges, claim.filter, ["$set": ["state": "done"]], concern: ["w": 1]))
        }
    }

    package func release(_ copy: SharedCopy, holders: [SessionID]) async throws {
        try await patiently("giving parts of the copy back") {
            _ = try connection.command(
                database,
                update(
                    StateCollection.copyRanges, mine(copy, holders), ["$set": ["state": "waiting"]], many: true,
                    concern: ["w": 1]))
        }
    }

    /// Matches what the writers have claimed.
    private func mine(_ copy: SharedCopy, _ holders: [SessionID]) -> BSONDocument {
        let sessions = holders.map { BSONValue.binary(subtype: 4, $0.bytes) }
        return [
            "_id": StateCollection.ranges(of: copy), "state": "claimed", "by.session": ["$in": .array(sessions)],
        ]
    }

    package func keep(_ copy: SharedCopy, holders: [SessionID], asLeader: Bool) async throws {
        try await patiently("keeping parts of the copy") {
            // Only those that have written nothing for a while: each write lengthens its lease by itself.
            let half: BSONValue = ["$add": ["$$NOW", .int64(MongoCopyRanges.leaseMilliseconds / 2)]]
            let isQuiet: BSONDocument = ["$expr": ["$lt": ["$lease_until", half]]]
            let quiet: BSONDocument = ["$and": [.document(mine(copy, holders)), .document(isQuiet)]]
            try connection.command(
                database,
                update(
                    StateCollection.copyRanges, quiet, [["$set": ["lease_until": lease]]], many: true,
                    concern: ["w": 1]))
            guard asLeader else { return }
            try connection.command(
                database,
                update(StateCollection.copies, copy.filter, [["$set": ["leader_until": lease]]], concern: ["w": 1]))
        }
    }

    package func standing(of copy: SharedCopy) async throws -> CopyStanding {
        try await patiently("looking for the copy") {
            let found = try connection.find(
                database, StateCollection.copies, filter: copy.filter,
                projection: ["ended": 1, "is_silent": ["$lt": ["$leader_until", "$$NOW"]]], limit: 1
            ).first
            guard let found else { return .gone }
            if let ended = found["ended"]?.asString { return .ended(isWhole: ended == "whole") }
            return found["is_silent"]?.asBool == true ? .silent : .going
        }
    }

    package func progress(of copy: SharedCopy) async throws -> [SharedTableProgress] {
        try await patiently("looking how far the copy is") {
            let isOpen: BSONValue = ["$cond": [["$eq": ["$state", "done"]], 0, 1]]
            let group: BSONValue = [
                "_id": "$table", "rows": ["$sum": "$rows"], "estimated_rows": ["$sum": "$estimated_rows"],
                "ranges": ["$sum": 1], "open": ["$sum": isOpen],
            ]
            let reply = try connection.command(
                database,
                [
                    "aggregate": .string(StateCollection.copyRanges),
                    "pipeline": [["$match": ["_id": StateCollection.ranges(of: copy)]], ["$group": group]],
                    "cursor": ["batchSize": 1_000_000], "readConcern": ["level": "majority"],
                ])
            let groups = reply["cursor"]?.asDocument?["firstBatch"]?.asArray ?? []
            return groups.compactMap(\.asDocument).compactMap { SharedTableProgress($0) }
        }
    }

    // MARK: - Commands

    /// By the target's clock; for updates that are pipelines.
    private var lease: BSONValue { ["$add": ["$$NOW", .int64(MongoCopyRanges.leaseMilliseconds)]] }

    private func update(
        _ collection: String, _ filter: BSONDocument, _ change: BSONValue, upsert: Bool = false, many: Bool = false,
        concern: BSONValue? = nil
    ) -> BSONDocument {
        var fields: [(String, BSONValue)] = [
            ("update", .string(collection)),
            (
                "updates",
                [["q": .document(filter), "u": change, "upsert": .bool(upsert), "multi": .bool(many)]]
            ),
            ("maxTimeMS", MongoCopyRanges.patience),
        ]
        if let concern { fields.append(("writeConcern", concern)) }
        return BSONDocument(fields)
    }

    /// As often as the target is away, or another writer in the way. Tried once also when the task is cancelled: what
    /// is given back then need not expire.
    private func patiently<Result>(_ action: String, _ body: () throws -> Result) async throws -> Result {
        var interruptions = 0
        while true {
            do {
                let result = try body()
                waiting.ended(after: interruptions)
                return result
            } catch let error as MongoError {
                guard error.isTransient else { throw error.failure(action, at: pool.address) }
                interruptions += 1
                try await waiting.pause(interruptions)
            }
        }
    }
}
