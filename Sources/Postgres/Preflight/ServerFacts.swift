/// What `server_facts.sql` answers. Plain values, so that what follows from them is tested without a server.
package struct ServerFacts: Sendable {
    package var version = ""
    package var versionNumber = 0
    package var walLevel = "logical"
    package var maxSlots = 0
    package var usedSlots = 0
    package var maxSenders = 0
    package var usedSenders = 0
    package var walSenderTimeoutMilliseconds: Int?
    /// -1: no limit; nil before PostgreSQL 13.
    package var keepSizeMegabytes: Int?
    /// nil where the server has no such setting, or doesn't show it.
    package var outputPlugins: [String]?
    package var synchronousStandbys = ""
    /// Of the database.
    package var encoding = "UTF8"
    package var isInRecovery = false
    package var backendPID = 0
    package var role = ""
    package var database = ""
    package var isSuperuser = false
    package var canReplicate = false
    package var canCreatePublication = false
    /// Prefix of the settings a managed service adds: `rds`, `cloudsql`, `azure`, `neon`, `alloydb`.
    package var managedBy: String?
    /// The source's clock minus ours, in seconds.
    package var clockDifference = 0.0
    /// What the client was told at the start; a pooler makes it up.
    package var announcedPID = 0

    /// Logical slots on a standby came with 16.
    var isStandbyWithoutSlots: Bool { isInRecovery && versionNumber < 160_000 }

    package init() {}

    init(_ row: QueryResult.Record) {
        version = row.text("version")
        versionNumber = row.int("version_num") ?? 0
        walLevel = row.text("wal_level")
        maxSlots = row.int("max_slots") ?? 0
        usedSlots = row.int("used_slots") ?? 0
        maxSenders = row.int("max_senders") ?? 0
        usedSenders = row.int("used_senders") ?? 0
        walSenderTimeoutMilliseconds = row.int("wal_sender_timeout_ms")
        keepSizeMegabytes = row.int("keep_size_mb")
        outputPlugins = row["output_plugins"].map { list in
            list.split(separator: ",").map { name in
                String(name.drop { " \"'".contains($0) }.prefix { !" \"'".contains($0) })
            }
        }
        synchronousStandbys = row.text("synchronous_standbys")
        encoding = row.text("encoding")
        isInRecovery = row.bool("is_in_recovery")
        backendPID = row.int("backend_pid") ?? 0
        role = row.text("role_name")
        database = row.text("database_name")
        isSuperuser = row.bool("is_superuser")
        canReplicate = row.bool("can_replicate")
        canCreatePublication = row.bool("can_create_publication")
        managedBy = row["managed_by"]
    }
}
