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

    static let snapshot = "SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text"

    /// Locks before anything takes a snapshot: TRUNCATE and rewriting DDL are not MVCC-safe.
    ///
    /// - Parameters:
    ///   - heap: The table or the leaf that is read.
    ///   - recursively: Locks the leaves of the table too.
    static func begin(_ heap: TableName, recursively: Bool) -> String {
        """
        BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
        LOCK TABLE \(recursively ? "" : "ONLY ")\(heap.quoted) IN ACCESS SHARE MODE
        """
    }

    /// What a leaf of the table is called now; no row when it is gone, or not part of the table any more.
    static func leafName(_ leaf: Partition, of table: TableSchema) -> String {
        """
        SELECT n.nspname AS schema_name, c.relname AS table_name
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = \(leaf.oid) AND c.relispartition AND pg_catalog.pg_partition_root(c.oid) = \(table.oid)
        """
    }

    /// The snapshot, and whether the name still means the table.
    static func probedTable(_ table: TableSchema) -> String {
        """
        SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text AS snapshot,
               \(quoteLiteral(table.name.quoted))::pg_catalog.regclass = \(table.oid)::pg_catalog.oid AS is_same
        """
    }

    /// The snapshot, the primary key's index, whether the table is partitioned, and a row for each column; none when a
    /// name means another table, or the leaf is not part of it. (`txid_current_snapshot` is `pg_current_snapshot` under
    /// the name that PostgreSQL 12 knows too.)
    ///
    /// - Parameter leaf: By its name of now.
    static func layout(_ table: TableSchema, _ leaf: Partition?) -> String {
        let isPart = leaf.map {
            "AND \(quoteLiteral($0.name.quoted))::pg_catalog.regclass = \($0.oid)::pg_catalog.oid "
                + "AND pg_catalog.pg_partition_root(\($0.oid)) = attrelid"
        }
        return """
            SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text AS snapshot, attname, atttypid,
                   (SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = attrelid) AS is_partitioned,
                   (SELECT indexrelid FROM pg_catalog.pg_index
                     WHERE indrelid = \(leaf?.oid ?? table.oid) AND indisprimary) AS key_index
              FROM pg_catalog.pg_attribute
             WHERE attrelid = \(table.oid) AND attrelid = \(quoteLiteral(table.name.quoted))::pg_catalog.regclass
               AND attnum > 0 AND NOT attisdropped AND attgenerated = '' \(isPart ?? "")
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
        let from = condition?.from(table.name) ?? "ONLY \(table.name.quoted)"
        return CopyStatement.text(
            "SELECT \(CopyStatement.columns(table, isText: isText)) FROM \(from)\(CopyStatement.filter(conditions))")
    }

    /// Single rows, of whatever leaf of a partitioned table.
    static func copy(
        _ table: TableSchema, _ key: TableKey, keys: [[String]], isPartitioned: Bool, isText: [Bool]
    ) throws -> String {
        CopyStatement.text(
            "SELECT \(CopyStatement.columns(table, isText: isText)) FROM \(isPartitioned ? "" : "ONLY ")"
                + "\(table.name.quoted) AS t" + CopyStatement.filter([try key.isAmong(keys)]))
    }
}
