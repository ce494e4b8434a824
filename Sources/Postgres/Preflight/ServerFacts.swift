/// What `server_facts.sql` answers. Plain values, so that what follows from them is tested without a server.
struct ServerFacts: Sendable {
    var version = ""
    var versionNumber = 0
    var walLevel = "logical"
    var maxSlots = 0
    var usedSlots = 0
    var maxSenders = 0
    var usedSenders = 0
    var walSenderTimeoutMilliseconds: Int?
    /// -1: no limit; nil before PostgreSQL 13.
    var keepSizeMegabytes: Int?
    /// nil where the server has no such setting, or doesn't show it.
    var outputPlugins: [String]?
    var isInRecovery = false
    var backendPID = 0
    var role = ""
    var database = ""
    var isSuperuser = false
    var canReplicate = false
    var canCreatePublication = false
    /// Prefix of the settings a managed service adds: `rds`, `cloudsql`, `azure`, `neon`, `alloydb`.
    var managedBy: String?
    /// The source's clock minus ours, in seconds.
    var clockDifference = 0.0
    /// What the client was told at the start; a pooler makes it up.
    var announcedPID = 0

    init() {}

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
