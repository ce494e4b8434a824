import Model

extension SlotStatus {
    init(_ row: QueryResult.Record) {
        self.init(
            name: row.text("slot_name"),
            plugin: row.text("plugin"),
            database: row.text("database"),
            active: row.bool("active"),
            activePID: row.int("active_pid"),
            activeApplication: row["application_name"].flatMap { $0.isEmpty ? nil : $0 },
            restartLSN: row.lsn("restart_lsn"),
            confirmedFlushLSN: row.lsn("confirmed_flush_lsn"),
            walStatus: row["wal_status"],
            safeWalSize: row.int("safe_wal_size"),
            heldBytes: row.int("held_bytes"),
            temporary: row.bool("temporary"),
            invalidationReason: row["invalidation_reason"])
    }
}
