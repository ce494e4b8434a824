import Model

/// What a server's facts mean for a pipeline.
package struct ServerFindings {
    private let facts: ServerFacts
    private let plugin: String
    /// A slot that exists already needs no free place, and one that is read from no sender.
    private let slot: SlotStatus?
    /// Whether rows are to be read beside the stream.
    private let isLive: Bool

    package init(facts: ServerFacts, plugin: String, slot: SlotStatus?, isLive: Bool = false) {
        self.facts = facts
        self.plugin = plugin
        self.slot = slot
        self.isLive = isLive
    }

    package var all: [Finding] {
        [
            version, managed, recovery, walLevel, slots, senders, outputPlugin, encoding, replicationPrivilege,
            keepSize, timeout,
            pooler, clock,
        ].compactMap { $0 }
    }

    /// Without what only a stream needs.
    package var forCopy: [Finding] { [version, managed, pooler, clock].compactMap { $0 } }

    private func error(
        _ code: String, _ message: String, remedy: String, kind: Failure.Kind = .configuration
    ) -> Finding {
        Finding(.error, code, subject: "source", message, remedy: remedy, kind: kind)
    }

    private func warning(_ code: String, _ message: String, remedy: String) -> Finding {
        Finding(.warning, code, subject: "source", message, remedy: remedy)
    }

    private func info(_ code: String, _ message: String) -> Finding {
        Finding(.info, code, subject: "source", message)
    }

    private var version: Finding {
        guard facts.versionNumber >= 120_000 else {
            return error(
                "source_version", "PostgreSQL \(facts.version) is too old", remedy: "Wherry needs 12 or later.")
        }
        if isLive, facts.versionNumber < 140_000 {
            return error(
                "source_version", "PostgreSQL \(facts.version) can't fill a pipeline beside its stream",
                remedy: "Set backfill.mode to exported, or upgrade to 14.")
        }
        return info("source_version", "PostgreSQL \(facts.version)")
    }

    private var managed: Finding? {
        facts.managedBy.map { info("managed_service", "a managed service (\($0)): settings are made in its console") }
    }

    private var recovery: Finding? {
        guard facts.isInRecovery else { return nil }
        if facts.isStandbyWithoutSlots { return error("source_is_standby", standbyWithoutSlots, remedy: standbyRemedy) }
        if isLive {
            return error(
                "source_is_standby",
                "the source is a hot standby: a live backfill needs transaction ids and messages in the log, which it "
                    + "can't write",
                remedy: "Connect to the primary, or set backfill.mode to exported or none.")
        }
        return warning(
            "source_is_standby",
            "the source is a hot standby: no publication can be made and no heartbeat written there",
            remedy: "Make the publication at the primary. While the primary is idle the slot keeps its WAL.")
    }

    private var standbyWithoutSlots: String {
        "the source is a hot standby, and PostgreSQL \(facts.version) has no logical slots there: nothing can be streamed "
            + "from it, and no live backfill made, which writes to the log"
    }

    private var standbyRemedy: String {
        "Connect to the primary. A plain copy can be made of the standby: `wherry snapshot --no-slot`."
    }

    private var walLevel: Finding? {
        guard facts.walLevel != "logical" else { return nil }
        let remedy =
            switch facts.managedBy {
            case "rds": "Set rds.logical_replication = 1 in the parameter group, then reboot the instance."
            case "cloudsql": "Set the flag cloudsql.logical_decoding = on, then restart the instance."
            case "azure": "Set wal_level to LOGICAL in the server parameters, then restart the server."
            default: "ALTER SYSTEM SET wal_level = 'logical'; then restart PostgreSQL."
            }
        return error("wal_level", "wal_level is \(facts.walLevel), logical decoding needs logical", remedy: remedy)
    }

    private var slots: Finding? {
        guard slot == nil, facts.usedSlots >= facts.maxSlots else { return nil }
        return error(
            "max_replication_slots", "all \(facts.maxSlots) replication slots are taken",
            remedy: "Drop one nobody uses (`wherry pipelines` lists them), or ALTER SYSTEM SET max_replication_slots = "
                + "\(facts.maxSlots + 5); then restart PostgreSQL.")
    }

    private var senders: Finding? {
        guard slot?.active != true, facts.usedSenders >= facts.maxSenders else { return nil }
        return error(
            "max_wal_senders", "all \(facts.maxSenders) WAL senders are taken",
            remedy: "ALTER SYSTEM SET max_wal_senders = \(facts.maxSenders + 5); then restart PostgreSQL.")
    }

    /// The setting binds superusers too (tried on 15.20).
    private var outputPlugin: Finding? {
        guard let allowed = facts.outputPlugins, !allowed.contains(plugin) else { return nil }
        return error(
            "output_plugin_libraries", "output_plugin_libraries doesn't allow \(plugin)",
            remedy: "ALTER SYSTEM SET output_plugin_libraries = \((allowed + [plugin]).joined(separator: ", ")); "
                + "SELECT pg_reload_conf();")
    }

    private var encoding: Finding? {
        plugin == OutputPlugin.wal2json.rawValue ? Wal2JSONLimits.encoding(facts.encoding) : nil
    }

    private var replicationPrivilege: Finding? {
        guard !facts.isSuperuser, !facts.canReplicate else { return nil }
        let role = quoteIdentifier(facts.role)
        let remedy = facts.managedBy == "rds" ? "GRANT rds_replication TO \(role);" : "ALTER ROLE \(role) REPLICATION;"
        return error(
            "replication_privilege", "the role \(facts.role) may not replicate", remedy: remedy, kind: .denied)
    }

    private var keepSize: Finding? {
        guard let megabytes = facts.keepSizeMegabytes else { return nil }
        if megabytes < 0 {
            return warning(
                "max_slot_wal_keep_size",
                "max_slot_wal_keep_size is -1: a slot that nobody reads keeps WAL until the disk is full",
                remedy:
                    "Watch `wherry status`, or set a limit the disk can bear: ALTER SYSTEM SET max_slot_wal_keep_size "
                    + "= '50GB'; SELECT pg_reload_conf(); (beyond it the slot is lost, and every table has to be read again)."
            )
        }
        guard megabytes < 1024 else { return nil }
        return warning(
            "max_slot_wal_keep_size",
            "max_slot_wal_keep_size is \(megabytes) MB: a short stop of wherry can cost the slot, and then every table has to be read again",
            remedy: "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf();")
    }

    private var timeout: Finding? {
        guard let milliseconds = facts.walSenderTimeoutMilliseconds, milliseconds > 0, milliseconds < 5000 else {
            return nil
        }
        return info(
            "wal_sender_timeout", "wal_sender_timeout is only \(milliseconds) ms: a short stall ends the stream")
    }

    private var pooler: Finding? {
        guard facts.announcedPID != facts.backendPID else { return nil }
        return warning(
            "connection_pooler", "a connection pooler such as PgBouncer stands between wherry and the source",
            remedy: "Connect to the server itself: sessions keep settings, locks and snapshots that a pooler loses.")
    }

    private var clock: Finding? {
        guard facts.clockDifference.magnitude > 5, facts.clockDifference.magnitude < 1e12 else { return nil }
        return warning(
            "source_clock",
            "the clocks of the source and of this machine differ by \(Int(facts.clockDifference.magnitude)) s",
            remedy: "Let both follow a time server: lag in seconds is misleading otherwise.")
    }
}
