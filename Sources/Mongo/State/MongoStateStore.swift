import BSON
import Model
import PinnedThread

/// The state database in MongoDB. Writes have write concern majority, except the copy's progress. What a worker writes
/// of its pipeline compares its epoch; creating and removing a pipeline, and the copy's progress, don't.
package actor MongoStateStore: StateStore {
    private let thread = PinnedThread(name: "mongo-state")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    let database: String
    private(set) lazy var connection = MongoConnection(pool)
    private var transactions: MongoSession?

    /// - Parameter database: name of the state database.
    package init(pool: MongoPool, database: String) {
        self.pool = pool
        self.database = database
    }

    package var session: SessionID { get throws { try during("starting a session") { try ownSession().id } } }

    private func ownSession() throws -> MongoSession {
        if let transactions { return transactions }
        let session = try connection.startSession()
        transactions = session
        return session
    }

    package func load(_ pipeline: String) throws -> PipelineState? {
        try find(StateCollection.pipelines, ["_id": .string(pipeline)]).first.map { try PipelineState($0) }
    }

    package func all() throws -> [PipelineState] {
        try find(StateCollection.pipelines, [:]).map { try PipelineState($0) }.sorted { $0.pipeline < $1.pipeline }
    }

    package func tables(of pipeline: String) throws -> [TableState] {
        try find(StateCollection.tables, ["_id.pipeline": .string(pipeline)]).map { document in
            guard let table = TableState(document) else {
                throw Failure(.unexpected, "a table's state document of pipeline \(pipeline) can't be read")
            }
            return table
        }.sorted { $0.route < $1.route }
    }

    package func create(_ state: PipelineState, tables: [TableState]) throws {
        try during("writing the pipeline's state") {
            try createCollections()
            // One transaction: the tables of a start that was killed halfway, or lost against another, leave no trace.
            let session = try connection.startSession()
            try session.startTransaction()
            defer { session.abort() }
            do {
                try connection.command(
                    database, ["insert": .string(StateCollection.pipelines), "documents": [.document(state.bson)]],
                    session: session)
            } catch let error as MongoError where error.duplicateKey != nil {
                throw Failure(.inUse, "pipeline \(state.pipeline) was created by another worker at the same moment")
            }
            try removeParts(of: state.pipeline, session)
            for table in tables {
                try connection.command(
                    database,
                    [
                        "insert": .string(StateCollection.tables),
                        "documents": [.document(table.bson(in: state.pipeline))],
                    ], session: session)
            }
            try session.commit()
        }
    }

    /// Collections are made before any transaction writes into them.
    func createCollections() throws {
        for name in StateCollection.all {
            do {
                try connection.command(database, ["create": .string(name), "writeConcern": majority])
            } catch let error as MongoError where error.code == 48 {
                continue  // NamespaceExists
            }
        }
    }

    package func takeOver(_ state: PipelineState, sessions: [SessionID], worker: WorkerIdentity) throws -> PipelineState
    {
        try during("taking the pipeline over") {
            let epoch = state.epoch + 1
            try raise(epoch, of: state, sessions: sessions, worker: worker)
            // After: a transaction begun between the two still saw the old epoch. One begun from here on sees the new.
            try kill(state.sessions)
            _ = try update(
                [("_id", .string(state.pipeline)), ("epoch", .int64(epoch))],
                set: [("sessions", sessionList(sessions))])
            // Read again: until the epoch was raised the old worker may have moved the checkpoint.
            guard let taken = try load(state.pipeline), taken.epoch == epoch else {
                throw Failure.fenced(state.pipeline)
            }
            return taken
        }
    }

    /// - Throws: `Failure(.inUse)` when another worker has raised it.
    private func raise(
        _ epoch: Int64, of state: PipelineState, sessions: [SessionID], worker: WorkerIdentity
    ) throws {
        for _ in 1...MongoStateStore.mostKills {
            try Task.checkCancellation()
            // What the old worker left open would keep the pipeline's document locked for a minute. A command of its
            // that was still on the way may open a transaction after this: then it is killed the next time.
            try kill(state.sessions)
            do {
                // Both workers' sessions, so that whoever takes over after a crash right here kills the older ones too.
                let matched = try update(
                    [("_id", .string(state.pipeline)), ("epoch", .int64(state.epoch))],
                    set: [
                        ("epoch", .int64(epoch)),
                        ("sessions", sessionList(sessions + state.sessions.filter { !sessions.contains($0) })),
                        ("worker", worker.bson),
                    ], within: MongoStateStore.killInterval)
                // An earlier try may have been written, and only the majority's answer was late.
                if try matched || isRaised(epoch, of: state.pipeline, by: worker, sessions) { return }
                throw Failure(.inUse, "another worker took pipeline \(state.pipeline) over at the same moment")
            } catch let error as MongoError where error.code == MongoError.maxTimeExpired { continue }
        }
        throw MongoStateStore.locked(state.pipeline)
    }

    private func isRaised(
        _ epoch: Int64, of pipeline: String, by worker: WorkerIdentity, _ sessions: [SessionID]
    ) throws -> Bool {
        guard let found = try load(pipeline), found.epoch == epoch else { return false }
        return found.worker.host == worker.host && found.worker.pid == worker.pid
            && sessions.allSatisfy(found.sessions.contains)
    }

    package func save(_ state: PipelineState) throws {
        try during("writing the pipeline's state") {
            let mine = [("_id", BSONValue.string(state.pipeline)), ("epoch", .int64(state.epoch))]
            if try update(mine + [("checkpoint", .null)], set: state.savedFields) { return }
            guard try update(mine, set: state.keptFields) else { throw Failure.fenced(state.pipeline) }
        }
    }

    package func saveProgress(_ tables: [TableState], of pipeline: String) throws {
        guard !tables.isEmpty else { return }
        try during("writing the copy's progress") {
            let updates = tables.map { table -> BSONValue in
                ["q": ["_id": table.id(in: pipeline)], "u": ["$set": ["copy": table.progress]]]
            }
            try connection.command(
                database, ["update": .string(StateCollection.tables), "updates": .array(updates), "ordered": false])
        }
    }

    package func rereads(of pipeline: String, _ cause: Reread.Cause?, limit: Int) throws -> [Reread] {
        var filter: [(String, BSONValue)] = [("_id.pipeline", .string(pipeline))]
        switch cause {
        case nil: break
        case .retry: filter.append(("retry", true))
        case .change, .copy: filter += [("cause", .string(cause?.rawValue ?? "")), ("retry", ["$ne": true])]
        case .backfill: filter += [("cause", ["$exists": false]), ("retry", ["$ne": true])]
        }
        let notes = try during("reading what has to be read again") {
            try connection.find(database, StateCollection.rereads, filter: BSONDocument(filter), limit: limit)
        }
        return try notes.map { document in
            guard let id = document["_id"]?.asDocument, let collection = id["collection"]?.asString, let key = id["key"]
            else { throw Failure(.unexpected, "a note of the backfill of pipeline \(pipeline) can't be read") }
            let cause = document["cause"]?.asString.flatMap { Reread.Cause(rawValue: $0) } ?? .backfill
            let isRetry = document["retry"]?.asBool == true
            return Reread(collection: collection, key: ["_id": key], cause: isRetry ? .retry : cause)
        }
    }

    package func note(_ error: LastError?, of pipeline: String, epoch: Int64) throws {
        try during("writing the last error") {
            _ = try update(
                [("_id", .string(pipeline)), ("epoch", .int64(epoch))], set: [("last_error", error?.bson ?? .null)])
        }
    }

    package func retire(_ state: PipelineState) throws {
        try during("removing the pipeline's state") {
            // One transaction: tables without their pipeline, or the reverse, would tell the next start something
            // wrong.
            let session = try connection.startSession()
            try session.startTransaction()
            defer { session.abort() }
            let reply = try connection.command(
                database,
                [
                    "delete": .string(StateCollection.pipelines),
                    "deletes": [["q": ["_id": .string(state.pipeline), "epoch": .int64(state.epoch)], "limit": 1]],
                ], session: session)
            guard reply["n"]?.asInt64 == 1 else {
                guard try load(state.pipeline) == nil else { throw Failure.fenced(state.pipeline) }
                return
            }
            try removeParts(of: state.pipeline, session)
            try connection.command(
                database,
                [
                    "delete": .string(StateCollection.copies),
                    "deletes": [["q": ["_id": .string(state.pipeline)], "limit": 1]],
                ], session: session)
            try session.commit()
        }
    }

    /// Removes what stands beside a pipeline's own document: its tables, and what is asked of it.
    private func removeParts(of pipeline: String, _ session: MongoSession) throws {
        try connection.command(
            database,
            [
                "delete": .string(StateCollection.tables),
                "deletes": [["q": ["_id.pipeline": .string(pipeline)], "limit": 0]],
            ], session: session)
        try removeControl(of: pipeline, session)
    }

    package func remove(_ pipeline: String) throws {
        let filters: [(String, BSONValue)] = [
            (StateCollection.copies, ["_id": .string(pipeline)]),
            (StateCollection.copyRanges, ["_id.pipeline": .string(pipeline)]),
            (StateCollection.copiedKeys, ["_id.pipeline": .string(pipeline)]),
            (StateCollection.rereads, ["_id.pipeline": .string(pipeline)]),
            (StateCollection.deadLetters, ["_id": StateCollection.letters(of: pipeline)]),
            (StateCollection.tables, ["_id.pipeline": .string(pipeline)]),
            (StateCollection.controls, ["_id": .string(pipeline)]),
            (StateCollection.workers, ["_id": .string(pipeline)]),
            (StateCollection.pipelines, ["_id": .string(pipeline)]),
        ]
        for (collection, filter) in filters {
            try order(
                "removing the pipeline's state", of: pipeline,
                ["delete": .string(collection), "deletes": [["q": filter, "limit": 0]]])
        }
    }

    // MARK: - Commands

    /// Writes beside the pipeline's document in one transaction that makes sure of the epoch: a worker that was frozen
    /// must not replace what its successor goes by.
    func holding(_ state: PipelineState, _ write: (MongoSession) throws -> Void) throws {
        let session = try ownSession()
        try session.startTransaction()
        defer { session.abort() }
        try connection.hold(state.pipeline, epoch: state.epoch, in: database, session)
        try write(session)
        try session.commit()
    }

    /// Whether a pipeline matched.
    ///
    /// - Parameter limit: how long it may take; `MongoError.maxTimeExpired` is thrown then.
    func update(
        _ filter: [(String, BSONValue)], set fields: [(String, BSONValue)], within limit: Duration? = nil
    ) throws -> Bool {
        var command: [(String, BSONValue)] = [
            ("update", .string(StateCollection.pipelines)),
            (
                "updates",
                [["q": .document(BSONDocument(filter)), "u": ["$set": .document(BSONDocument(fields))]]]
            ), ("writeConcern", majority),
        ]
        if let limit { command.append(("maxTimeMS", .int64(Int64(limit / .milliseconds(1))))) }
        return try connection.command(database, BSONDocument(command))["n"]?.asInt64 == 1
    }

    func find(_ collection: String, _ filter: BSONDocument) throws -> [BSONDocument] {
        try during("reading the pipeline's state") {
            try connection.find(database, collection, filter: filter, limit: 100_000)
        }
    }

    func during<Result>(_ action: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as MongoError { throw error.failure(action, at: pool.address) }
    }
}
