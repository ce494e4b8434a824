import Model
import PinnedThread

/// Reads chunks along the primary key, on a session and a thread of its own. Each chunk is a transaction; whatever goes
/// wrong in one, or cuts it off, costs the session, and the next chunk opens another.
actor KeysetReader: ChunkReader, SessionOwner {
    private let thread = PinnedThread(name: "pg-chunk")
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let source: PostgresSource
    nonisolated let wakeup = Wakeup()
    private var session: Session?
    private var output: CopyOutput?
    private var condition: RowCondition?
    /// What is known of the table read last, as long as its columns and its primary key stay the same.
    private var known: Known?

    private struct Known {
        let layout: Layout
        let key: [String]
        let tableKey: TableKey
        /// Taken by the server.
        var condition: RowCondition?
    }

    private struct Layout: Equatable {
        let table: UInt32
        let columns: [String]
        let types: [UInt32?]
        let keyIndex: UInt32?
    }

    private init(_ source: PostgresSource) { self.source = source }

    static func open(_ source: PostgresSource) async throws -> KeysetReader {
        let reader = KeysetReader(source)
        try await reader.connect()
        return reader
    }

    private func connect() async throws {
        try await onThread("open a session to read chunks") { _ = try $0.opened() }
    }

    func start(
        _ table: TableVersion, key: [String], range: KeyRange, limit: Int, where condition: String?
    ) async throws -> ChunkStart {
        let condition = condition.map { RowCondition($0) }
        return try await begin(table, key: key, condition) { session, tableKey, isText in
            let statement = try ChunkStatement.end(table.schema, tableKey, range, limit: limit)
            let end = try session.run(statement, [], until: nil).rows.first?.compactMap { $0 }
            let part = KeyRange(after: range.after, through: end ?? range.through)
            return (end, try ChunkStatement.copy(table.schema, tableKey, part, where: condition, isText: isText))
        }
    }

    func start(_ table: TableVersion, key: [String], keys: [[String]]) async throws -> ChunkStart {
        try await begin(table, key: key, nil) { _, tableKey, isText in
            (nil, try ChunkStatement.copy(table.schema, tableKey, keys: keys, isText: isText))
        }
    }

    /// - Parameter chunk: Finds the chunk's end, and its COPY.
    private func begin(
        _ table: TableVersion, key: [String], _ condition: RowCondition?,
        _ chunk: @Sendable (Session, TableKey, _ isText: [Bool]) throws -> (end: [String]?, copy: String)
    ) async throws -> ChunkStart {
        let isText = try await source.textColumns(of: table.schema)
        return try await onThread("read a chunk of \(table.schema.name)") { reader in
            try reader.orDiscard {
                if reader.output != nil { reader.discard() }
                reader.condition = condition
                let session = try reader.opened()
                let (snapshot, layout) = try reader.beginTransaction(table.schema, session)
                let tableKey = try reader.tableKey(of: table.schema, layout, key, session)
                try reader.check(condition, on: table.schema, session)
                let (end, copy) = try chunk(session, tableKey, isText)
                reader.output = try CopyOutput(session, copy, of: table.schema.name, isText: isText)
                return ChunkStart(snapshot: snapshot, end: end)
            }
        }
    }

    /// - Throws: `Failure` of kind `.copyInterrupted` when the table isn't what it was.
    private func beginTransaction(
        _ table: TableSchema, _ session: Session
    ) throws -> (VisibilitySnapshot, Layout) {
        _ = try session.run(ChunkStatement.begin(table), [], until: .now + ChunkStatement.lockTimeout * 3)
        let answer = try session.run(ChunkStatement.layout(table), [], until: .now + .seconds(60)).records
        let layout = Layout(
            table: table.oid, columns: answer.map { $0.text("attname") }, types: answer.map { $0.oid("atttypid") },
            keyIndex: answer.first?.oid("key_index"))
        guard let first = answer.first, layout.columns == table.columns.map(\.name),
            layout.types == table.columns.map(\.type.oid)
        else { throw ChunkFailure.changed("table \(table.name) was replaced, or its columns have changed") }
        guard let snapshot = VisibilitySnapshot(first.text("snapshot")) else {
            throw Failure(.unexpected, "the source's snapshot can't be read")
        }
        return (snapshot, layout)
    }

    private func tableKey(
        of table: TableSchema, _ layout: Layout, _ key: [String], _ session: Session
    ) throws -> TableKey {
        if let known, known.layout == layout, known.key == key { return known.tableKey }
        let answer = try session.run(TableKey.query(table), [], until: .now + .seconds(60))
        let tableKey = try TableKey(answer, key: key, of: table.name)
        known = Known(layout: layout, key: key, tableKey: tableKey)
        return tableKey
    }

    /// - Throws: `Failure` of kind `.usage`.
    private func check(_ condition: RowCondition?, on table: TableSchema, _ session: Session) throws {
        guard let condition, known?.condition != condition else { return }
        do {
            for (sql, parameters) in condition.checks(on: table) {
                _ = try session.run(sql, parameters, until: .now + .seconds(60))
            }
        } catch let error as ServerError {
            throw condition.refusal(error, on: table) ?? error
        }
        known?.condition = condition
    }

    func next(maxBytes: Int) async throws -> [Row] {
        guard let table = output?.table else { return [] }
        return try await onThread("read a chunk of \(table)") { reader in
            try reader.orDiscard {
                do {
                    return try reader.read(maxBytes)
                } catch let error as ServerError {
                    throw reader.condition?.failure(error, on: table) ?? error
                }
            }
        }
    }

    private func read(_ maxBytes: Int) throws -> [Row] {
        let rows = try output?.next(maxBytes: maxBytes) ?? []
        if rows.isEmpty {
            output = nil
            _ = try opened().run("COMMIT", [], until: .now + .seconds(60))
        }
        return rows
    }

    func close() { discard() }

    nonisolated func classify(_ error: ServerError, doing action: String) -> Failure {
        ChunkFailure.classify(error, doing: action, at: source.target)
    }

    /// The session, opened again when it was lost.
    private func opened() throws -> Session {
        if let session, session.isUsable { return session }
        let session = try Session(
            source.target, application: "\(source.application) backfill", wakeup: wakeup)
        _ = try session.run(ChunkStatement.settings, [], until: .now + .seconds(60))
        self.session = session
        return session
    }

    /// A session that something went wrong in may be anywhere in a chunk, and what is known may be why.
    private func orDiscard<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            discard()
            throw error
        }
    }

    private func discard() {
        if output != nil, let session, session.isUsable { session.cancelOnServer() }
        output = nil
        session = nil
        known = nil
    }
}
