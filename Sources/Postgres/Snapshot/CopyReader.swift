import Model
import PinnedThread

/// One session inside an exported snapshot, on a thread of its own: reads ranges of tables with
/// `COPY … (FORMAT binary)`.
///
/// An imported snapshot can't lock first: a table that was rewritten or truncated since shows wrong rows (MVCC-unsafe,
/// PostgreSQL documentation, "Caveats" of concurrency control). So each table is locked and its file compared with the
/// one the snapshot sees.
actor CopyReader: SnapshotReader, SessionOwner {
    private let thread = PinnedThread(name: "pg-copy")
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let source: PostgresSource
    nonisolated let wakeup = Wakeup()
    private var session: Session?
    private var output: CopyOutput?
    /// The table that is locked and checked already.
    private var checkedTable: UInt32?
    /// Whether the server compares its texts as Wherry does.
    private var comparesBytes = false

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
        let table = range.table.schema.part(range.leaf)
        let isText = try await source.textColumns(of: table)
        output = nil
        if checkedTable != table.oid {
            try await onThread("lock \(table.name)") { try $0.lock(table) }
            checkedTable = table.oid
        }
        let statement = CopyStatement.text(range, withCondition: comparesBytes, isText: isText)
        try await onThread("copy \(table.name)") {
            $0.output = try CopyOutput($0.opened(), statement, of: table.name, isText: isText)
        }
    }

    private func lock(_ table: TableSchema) throws {
        let session = try opened()
        _ = try session.run("LOCK TABLE ONLY \(table.name.quoted) IN ACCESS SHARE MODE", [], until: nil)
        // A partitioned table without partitions has no file.
        let check = """
            SELECT c.relfilenode = coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)
              FROM pg_catalog.pg_class c
             WHERE c.oid = \(table.oid) AND c.oid = \(quoteLiteral(table.name.quoted))::pg_catalog.regclass
            """
        // By another collation texts may be equal that differ, and another encoding may lack a character of the condition.
        let comparison = """
            SELECT pg_catalog.getdatabaseencoding() = 'UTF8' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
                WHERE a.attrelid = \(table.oid) AND NOT c.collisdeterministic)
            """
        comparesBytes = try session.run(comparison, [], until: .now + .seconds(60)).scalar == "t"
        guard try session.run(check, [], until: .now + .seconds(60)).scalar == "t" else {
            throw Failure(
                .copyInterrupted, "table \(table.name) was rewritten, truncated or replaced since the snapshot",
                hint: "ALTER TABLE, TRUNCATE, VACUUM FULL and CLUSTER do that: the copy has to start again.")
        }
    }

    func next(maxBytes: Int) async throws -> [Row] {
        guard let table = output?.table else { return [] }
        return try await onThread("copy \(table)") { try $0.read(maxBytes) }
    }

    private func read(_ maxBytes: Int) throws -> [Row] {
        let rows = try output?.next(maxBytes: maxBytes) ?? []
        // Empty only at the end, and then there is nothing more to ask for.
        if rows.isEmpty { output = nil }
        return rows
    }

    func close() {
        output = nil
        session = nil
    }

    nonisolated func classify(_ error: ServerError, doing action: String) -> Failure {
        SnapshotFailure.classify(error, doing: action, at: source.target)
    }

    private func opened() throws -> Session {
        guard let session else { throw ServerError(.connection, "closed") }
        return session
    }
}
