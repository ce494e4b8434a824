import Model

/// Whether a slot still has everything after a position. The server won't tell by itself: it moves a start that is too
/// old forward, and a start in the future delivers nothing (PostgreSQL source, `CreateDecodingContext`).
package enum PositionCheck {
    /// - Throws: `Failure` of kind `.dataGap` or `.configuration`.
    package static func check(
        slot: SlotStatus?, named name: String, plugin: OutputPlugin, database: String, position: LSN,
        serverFlush: LSN
    ) throws {
        guard let slot else { throw missing(name) }
        guard slot.plugin == plugin.rawValue else {
            throw Failure(
                .configuration, "slot \(name) uses the plugin \(slot.plugin), not \(plugin.rawValue)",
                hint: "It wasn't made by this pipeline: choose another slot name.")
        }
        guard slot.database == database else {
            throw Failure(
                .configuration, "slot \(name) belongs to the database \(slot.database), not to \(database)",
                hint: "A slot decodes one database: choose another slot name.")
        }
        guard !slot.isLost else { throw lost(name, slot.invalidationReason ?? "wal_status is lost") }
        guard position != .zero else { return }
        if let confirmed = slot.confirmedFlushLSN, confirmed > position {
            throw Failure(
                .dataGap,
                "slot \(name) is ahead of the checkpoint: confirmed \(confirmed), checkpoint \(position); the changes "
                    + "between are gone",
                hint: "Somebody else has read from the slot, or the target was restored from a backup. "
                    + Failure.acceptGap)
        }
        guard position <= serverFlush else {
            throw Failure(
                .dataGap, "the checkpoint \(position) is beyond the end of the source's log, \(serverFlush)",
                hint: "This is another cluster, or one restored from a backup. \(Failure.acceptGap)")
        }
    }

    static func missing(_ name: String) -> Failure {
        Failure(
            .dataGap, "slot \(name) doesn't exist any more: changes since the checkpoint are gone",
            hint: "Somebody dropped it, or the server was restored or failed over. \(Failure.acceptGap)")
    }

    /// A standby has none of its primary's slots.
    static func standby(_ address: String, _ slot: String) -> Failure {
        Failure(
            .configuration, "the source at \(address) is a hot standby, and slot \(slot) is not on it",
            hint: "The pipeline goes on from the server where its slot was made: connect to the primary.")
    }

    static func lost(_ name: String, _ reason: String) -> Failure {
        Failure(
            .dataGap, "slot \(name) is lost: \(reason)",
            hint: "The server has removed WAL that was still needed (max_slot_wal_keep_size). \(Failure.acceptGap)")
    }
}
