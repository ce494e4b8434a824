import Model

/// A logical replication slot as `pg_replication_slots` shows it.
package struct SlotStatus: Hashable, Sendable {
    package let name: String
    package let plugin: String
    package let database: String
    package let active: Bool
    package let activePID: Int?
    /// Who is using it; nil when nobody is, or the role may not see it.
    package let activeApplication: String?
    /// From here on the server keeps its WAL; nil when the slot is lost.
    package let restartLSN: LSN?
    /// Transactions that committed before are never sent again.
    package let confirmedFlushLSN: LSN?
    /// `reserved`, `extended`, `unreserved`, `lost`; nil before PostgreSQL 13.
    package let walStatus: String?
    /// Bytes that can be written before the slot is in danger; nil without a limit.
    package let safeWalSize: Int?
    /// WAL kept for it, in bytes.
    package let heldBytes: Int?
    package let temporary: Bool
    /// Why the server gave it up (16+, else nil).
    package let invalidationReason: String?

    /// Whether changes are gone: the slot will never stream again.
    package var isLost: Bool { walStatus == "lost" || invalidationReason != nil || restartLSN == nil }

    init(_ row: QueryResult.Record) {
        name = row.text("slot_name")
        plugin = row.text("plugin")
        database = row.text("database")
        active = row.bool("active")
        activePID = row.int("active_pid")
        activeApplication = row["application_name"].flatMap { $0.isEmpty ? nil : $0 }
        restartLSN = row.lsn("restart_lsn")
        confirmedFlushLSN = row.lsn("confirmed_flush_lsn")
        walStatus = row["wal_status"]
        safeWalSize = row.int("safe_wal_size")
        heldBytes = row.int("held_bytes")
        temporary = row.bool("temporary")
        invalidationReason = row["invalidation_reason"]
    }
}

/// A snapshot that the session which made the slot keeps open: it is the database exactly at `consistentPoint`.
package struct ExportedSnapshot: Hashable, Sendable {
    /// The stream begins with the transactions that commit after it.
    package let consistentPoint: LSN
    /// For `SET TRANSACTION SNAPSHOT`. Valid until the next command on the replication connection.
    package let name: String
}
