import Logging
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

    /// Told of already.
    private var goneLeaves: Set<UInt32> = []

    private struct Known {
        let layout: Layout
        let key: [String]
        let tableKey: TableKey
        /// Taken by the server.
        var condition: RowCondition?
    }

    private struct Layout: Equatable {
        /// The table, or the leaf.
        let heap: UInt32
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
        let condition = condition.map { RowCondition($0, on: table.schema.name) }
        return try await begin(table, range.leaf, key: key, condition) { session, opening, tableKey, isText in
            let statement = try ChunkStatement.end(opening.heap, tableKey, range, limit: limit)
            let found = try session.run(statement, [], until: nil)
            guard found.isUTF8 else { throw KeysetReader.unreadableKey(of: table.schema.name) }
            let end = found.rows.first?.compactMap { $0 }
            let part = KeyRange(after: range.after, through: end ?? range.through)
            return (end, try ChunkStatement.copy(opening.heap, tableKey, part, where: condition, isText: isText))
        }
    }

    func start(_ table: TableVersion, key: [String], keys: [[String]]) async throws -> ChunkStart {
        try await begin(table, nil, key: key, nil, recursively: true) { _, opening, tableKey, isText in
            let copy = try ChunkStatement.copy(
                opening.heap, tableKey, keys: keys, isPartitioned: opening.isPartitioned, isText: isText)
            return (nil, copy)
        }
    }

    /// As a bound such a key would stand for another one.
    private static func unreadableKey(of table: TableName) -> Failure {
        Failure(
            .dataRefused, "a key of table \(table) holds bytes that are no UTF-8",
            hint:
                "MongoDB takes no other text, and no row can be found by it. Correct it in the source, or leave the table "
                + "out; nothing was skipped.")
    }

    /// A chunk's transaction, with its lock and its snapshot.
    private struct Opening {
        let snapshot: VisibilitySnapshot
        let layout: Layout
        /// What is read: the table, or a leaf of it.
        let heap: TableSchema
        let isPartitioned: Bool
    }

    /// - Parameter chunk: Finds the chunk's end, and its COPY.
    private func begin(
        _ table: TableVersion, _ leaf: Partition?, key: [String], _ condition: RowCondition?, recursively: Bool = false,
        _ chunk: @Sendable (Session, Opening, TableKey, _ isText: [Bool]) throws -> (end: [String]?, copy: String)
    ) async throws -> ChunkStart {
        let isText = try await source.textColumns(of: table.schema)
        return try await onThread("read a chunk of \(table.schema.name)") { reader in
            try reader.orDiscard {
                if reader.output != nil { reader.discard() }
                reader.condition = condition
                let session = try reader.opened()
                guard let opening = try reader.open(table.schema, leaf, recursively: recursively, session) else {
                    let snapshot = try reader.snapshotWithoutLeaf(leaf, of: table.schema, session)
                    return ChunkStart(snapshot: snapshot, end: nil)
                }
                let tableKey = try reader.tableKey(of: opening.heap, opening.layout, key, session)
                try reader.check(condition, on: opening.heap, session)
                let (end, copy) = try chunk(session, opening, tableKey, isText)
                reader.output = try CopyOutput(session, copy, of: table.schema.name, isText: isText)
                return ChunkStart(snapshot: opening.snapshot, end: end)
            }
        }
    }

    /// Begins a transaction with the table's lock, or the leaf's under its name of now.
    ///
    /// - Returns: nil when the leaf is gone, or not part of the table any more.
    /// - Throws: `Failure` of kind `.copyInterrupted` when the table isn't what it was.
    private func open(
        _ table: TableSchema, _ planned: Partition?, recursively: Bool, _ session: Session
    ) throws -> Opening? {
        var leaf: Partition?
        if let planned {
            leaf = try find(planned, of: table, session)
            guard leaf != nil else { return nil }
        }
        let heap = table.part(leaf)
        let begin = ChunkStatement.begin(heap.name, recursively: recursively)
        do {
            _ = try session.run(begin, [], until: .now + ChunkStatement.lockTimeout * 3)
        } catch let error as ServerError where leaf != nil && error.sqlState == SQLState.undefinedTable {
            return try reopen(leaf, of: table, session)
        }
        let answer = try session.run(ChunkStatement.layout(table, leaf), [], until: .now + .seconds(60)).records
        // It was detached while its lock was waited for.
        if answer.isEmpty, let planned, try find(planned, of: table, session) == nil {
            _ = try session.run("ROLLBACK", [], until: .now + .seconds(60))
            return nil
        }
        let layout = Layout(
            heap: heap.oid, columns: answer.map { $0.text("attname") }, types: answer.map { $0.oid("atttypid") },
            keyIndex: answer.first?.oid("key_index"))
        guard let first = answer.first, layout.columns == table.columns.map(\.name),
            layout.types == table.columns.map(\.type.oid)
        else { throw ChunkFailure.changed("table \(table.name) was replaced, or its columns have changed") }
        return Opening(
            snapshot: try snapshot(first.text("snapshot")), layout: layout, heap: heap,
            isPartitioned: first.bool("is_partitioned"))
    }

    /// A leaf was dropped or renamed while its lock was waited for.
    ///
    /// - Returns: nil when it is gone.
    private func reopen(_ leaf: Partition?, of table: TableSchema, _ session: Session) throws -> Opening? {
        _ = try session.run("ROLLBACK", [], until: .now + .seconds(60))
        guard let leaf, try find(leaf, of: table, session) != nil else { return nil }
        throw Failure(
            .chunkInterrupted, "partition \(leaf.name) of table \(table.name) has another name now",
            hint: "The rows are read again.")
    }

    private func find(_ leaf: Partition, of table: TableSchema, _ session: Session) throws -> Partition? {
        let statement = ChunkStatement.leafName(leaf, of: table)
        let row = try session.run(statement, [], until: .now + .seconds(60)).records.first
        return row.map {
            Partition(oid: leaf.oid, name: TableName(schema: $0.text("schema_name"), name: $0.text("table_name")))
        }
    }

    /// For a leaf there is nothing to read of.
    private func snapshotWithoutLeaf(
        _ leaf: Partition?, of table: TableSchema, _ session: Session
    ) throws -> VisibilitySnapshot {
        if let leaf, goneLeaves.insert(leaf.oid).inserted {
            source.logger.notice(
                "a partition is gone or detached, nothing more is read of it",
                metadata: ["table": "\(table.name)", "partition": "\(leaf.name)"])
        }
        let answer = try session.run(ChunkStatement.snapshot, [], until: .now + .seconds(60))
        return try snapshot(answer.scalar ?? "")
    }

    private func snapshot(_ text: String) throws -> VisibilitySnapshot {
        guard let snapshot = VisibilitySnapshot(text) else {
            throw Failure(.unexpected, "the source's snapshot can't be read")
        }
        return snapshot
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
            for (sql, parameters) in condition.checks(on: table.name) {
                _ = try session.run(sql, parameters, until: .now + .seconds(60))
            }
        } catch let error as ServerError {
            throw condition.refusal(error) ?? error
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
                    throw reader.condition?.failure(error) ?? error
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
