import Model

/// The SQL of one chunk, in the order in which it is run.
enum ChunkStatement {
    /// How long a lock may keep a chunk waiting.
    static let lockTimeout = Duration.seconds(10)

    static let planSettings = "SET lock_timeout = \(lockTimeout.components.seconds * 1000)"

    /// Pins how a reader's session reads: along the index whatever the statistics say, and without other processes.
    static let settings = """
        \(planSettings);
        SET enable_seqscan = off; SET enable_sort = off; SET max_parallel_workers_per_gather = 0
        """

    /// Locks before anything takes a snapshot: TRUNCATE and rewriting DDL are not MVCC-safe.
    static func begin(_ table: TableSchema) -> String {
        """
        BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
        LOCK TABLE ONLY \(table.name.quoted) IN ACCESS SHARE MODE
        """
    }

    /// As `begin`, of a partitioned table with its leaves.
    static func beginProbe(_ table: TableSchema) -> String {
        """
        BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
        LOCK TABLE \(table.name.quoted) IN ACCESS SHARE MODE
        """
    }

    /// The snapshot, and whether the name still means the table.
    static func probedTable(_ table: TableSchema) -> String {
        """
        SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text AS snapshot,
               \(quoteLiteral(table.name.quoted))::pg_catalog.regclass = \(table.oid)::pg_catalog.oid AS is_same
        """
    }

    /// The snapshot, the primary key's index, and a row for each column; none when the name means another table.
    /// (`txid_current_snapshot` is `pg_current_snapshot` under the name that PostgreSQL 12 knows too.)
    static func layout(_ table: TableSchema) -> String {
        """
        SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text AS snapshot, attname, atttypid,
               (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = attrelid AND indisprimary) AS key_index
          FROM pg_catalog.pg_attribute
         WHERE attrelid = \(table.oid) AND attrelid = \(quoteLiteral(table.name.quoted))::pg_catalog.regclass
           AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
         ORDER BY attnum
        """
    }

    /// The key of the range's `limit`th row; no row when there are fewer.
    static func end(_ table: TableSchema, _ key: TableKey, _ range: KeyRange, limit: Int) throws -> String {
        """
        SELECT \(key.texts) FROM ONLY \(table.name.quoted)\(CopyStatement.filter(try key.conditions(range)))
         ORDER BY \(key.names) OFFSET \(max(1, limit) - 1) LIMIT 1
        """
    }

    /// The rows of a range, those of `condition` only.
    static func copy(
        _ table: TableSchema, _ key: TableKey, _ range: KeyRange, where condition: RowCondition?, isText: [Bool]
    ) throws -> String {
        let conditions = try key.conditions(range) + (condition.map { [$0.sql] } ?? [])
        return CopyStatement.text(
            "SELECT \(CopyStatement.columns(table, isText: isText)) FROM ONLY \(table.name.quoted)"
                + CopyStatement.filter(conditions))
    }

    /// Single rows.
    static func copy(_ table: TableSchema, _ key: TableKey, keys: [[String]], isText: [Bool]) throws -> String {
        CopyStatement.text(
            "SELECT \(CopyStatement.columns(table, isText: isText)) FROM ONLY \(table.name.quoted) AS t"
                + CopyStatement.filter([try key.isAmong(keys)]))
    }
}
