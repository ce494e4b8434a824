import CLibPQ
import Model
import PinnedThread

/// One session inside an exported snapshot, on a thread of its own: reads ranges of tables with
/// `COPY … (FORMAT binary)`.
///
/// An imported snapshot can't lock first: a table that was rewritten or truncated since shows wrong rows (MVCC-unsafe,
/// PostgreSQL documentation, "Caveats" of concurrency control). So each table is locked and its file compared with the
/// one the snapshot sees.
actor CopyReader: SnapshotReader {
    private let thread = PinnedThread(name: "pg-copy")
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let source: PostgresSource
    private let wakeup = Wakeup()
    private var session: Session?
    private var decoder: CopyDecoder?
    /// The server's data is at its end; the rows before it are still with the caller.
    private var isEnded = false
    /// The table that is locked and checked already.
    private var checkedTable: UInt32?

    private init(_ source: PostgresSource) { self.source = source }

    static func open(_ source: PostgresSource, snapshot: ExportedSnapshot) async throws -> CopyReader {
        let reader = CopyReader(source)
        try await reader.connect(snapshot)
        return reader
    }

    private func connect(_ snapshot: ExportedSnapshot) async throws {
        let target = source.target
        try await onThread("import the snapshot") {
            $0.session = try Session(target, application: "\($0.source.application) copy", wakeup: $0.wakeup)
        }
        try await onThread("import the snapshot") {
            _ = try $0.opened().run(
                """
                BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
                SET TRANSACTION SNAPSHOT \(quoteLiteral(snapshot.name))
                """, [], until: .now + .seconds(60))
        }
    }

    func start(_ range: CopyRange) async throws {
        let table = range.table.schema
        let types = try await source.types(for: table.columns.map(\.type.oid))
        let isText = table.columns.map {
            !types.isSendable($0.type.oid) || !source.settings.hasBinaryCodec($0.type)
        }
        if checkedTable != table.oid {
            try await onThread("lock \(table.name)") { try $0.lock(table) }
            checkedTable = table.oid
        }
        decoder = CopyDecoder(table: table.name, isText: isText)
        isEnded = false
        let statement = CopyStatement.text(range, isText: isText)
        try await onThread("copy \(table.name)") {
            try $0.opened().runCopy(statement, expecting: PGRES_COPY_OUT, until: nil)
        }
    }

    private func lock(_ table: TableSchema) throws {
        let session = try opened()
        _ = try session.run("LOCK TABLE ONLY \(table.name.quoted) IN ACCESS SHARE MODE", [], until: nil)
        let check = """
            SELECT c.relfilenode = pg_catalog.pg_relation_filenode(c.oid)
              FROM pg_catalog.pg_class c
             WHERE c.oid = \(table.oid) AND c.oid = \(quoteLiteral(table.name.quoted))::pg_catalog.regclass
            """
        guard try session.run(check, [], until: .now + .seconds(60)).scalar == "t" else {
            throw Failure(
                .copyInterrupted, "table \(table.name) was rewritten, truncated or replaced since the snapshot",
                hint: "ALTER TABLE, TRUNCATE, VACUUM FULL and CLUSTER do that: the copy has to start again.")
        }
    }

    func next(maxBytes: Int) async throws -> [Row] {
        guard var decoder else { return [] }
        self.decoder = nil
        let rows = try await onThread("copy \(decoder.table)") { try $0.read(&decoder, maxBytes: maxBytes) }
        // Empty only at the end, and then there is nothing more to ask for.
        self.decoder = rows.isEmpty ? nil : decoder
        return rows
    }

    private func read(_ decoder: inout CopyDecoder, maxBytes: Int) throws -> [Row] {
        if isEnded { return try finish(decoder) }
        let session = try opened()
        var rows: [Row] = []
        var bytes = 0
        var isFresh = false
        while bytes < maxBytes {
            switch try session.nextCopyMessage() {
            case .data(let memory, let count):
                bytes += count
                isFresh = false
                let block = ByteBlock(adopting: memory, count: count) { PQfreemem($0) }
                try decoder.decode(block, into: &rows)
            case .pending where !isFresh:
                try session.readSocket()
                isFresh = true
            case .pending:
                guard rows.isEmpty else { return rows }
                _ = try session.wait(reading: true, until: nil)
                try session.readSocket()
            case .ended:
                isEnded = true
                guard rows.isEmpty else { return rows }
                return try finish(decoder)
            }
        }
        return rows
    }

    /// The server's last word on the range: complete, or an error.
    private func finish(_ decoder: CopyDecoder) throws -> [Row] {
        try opened().finishCopy()
        try decoder.finish()
        return []
    }

    func close() { session = nil }

    private func opened() throws -> Session {
        guard let session else { throw ServerError(.connection, "closed") }
        return session
    }

    /// Runs `body`, which may block, on this actor's thread, wakes it up when the task is cancelled, and classifies what
    /// it throws. The actor is a parameter, because a closure that doesn't use `self` is not isolated: it would run, and
    /// block, on a thread of the shared pool.
    private func onThread<Value: Sendable>(
        _ action: String, _ body: (isolated CopyReader) throws -> Value
    ) async throws -> Value {
        let wakeup = wakeup
        return try await withTaskCancellationHandler {
            do {
                return try body(self)
            } catch let error as ServerError {
                throw SnapshotFailure.classify(error, doing: action, at: source.target)
            }
        } onCancel: {
            wakeup.signal()
        }
    }
}
