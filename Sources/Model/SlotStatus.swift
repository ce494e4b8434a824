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

    package init(
        name: String, plugin: String, database: String, active: Bool, activePID: Int?, activeApplication: String?,
        restartLSN: LSN?, confirmedFlushLSN: LSN?, walStatus: String?, safeWalSize: Int?, heldBytes: Int?,
        temporary: Bool, invalidationReason: String?
    ) {
        self.name = name
        self.plugin = plugin
        self.database = database
        self.active = active
        self.activePID = activePID
        self.activeApplication = activeApplication
        self.restartLSN = restartLSN
        self.confirmedFlushLSN = confirmedFlushLSN
        self.walStatus = walStatus
        self.safeWalSize = safeWalSize
        self.heldBytes = heldBytes
        self.temporary = temporary
        self.invalidationReason = invalidationReason
    }
}
