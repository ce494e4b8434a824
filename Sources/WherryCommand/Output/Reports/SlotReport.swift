import Model

/// A replication slot as an operator needs to see it. LSNs are PostgreSQL's text form.
package struct SlotReport: Encodable, Sendable, Equatable {
    package var name: String
    package var database: String?
    package var active: Bool
    /// `reserved`, `extended`, `unreserved` or `lost` (PostgreSQL documentation, `pg_replication_slots`).
    package var walStatus: String?
    /// WAL the server keeps for this slot, in bytes.
    package var heldBytes: UInt64?
    /// How many more bytes may be written before the slot is in danger; nil without a limit.
    package var safeWalSize: Int64?
    package var restartLsn: String?
    package var confirmedFlushLsn: String?

    package init(
        name: String, database: String? = nil, active: Bool, walStatus: String? = nil, heldBytes: UInt64? = nil,
        safeWalSize: Int64? = nil, restartLSN: LSN? = nil, confirmedFlushLSN: LSN? = nil
    ) {
        self.name = name
        self.database = database
        self.active = active
        self.walStatus = walStatus
        self.heldBytes = heldBytes
        self.safeWalSize = safeWalSize
        self.restartLsn = restartLSN?.description
        self.confirmedFlushLsn = confirmedFlushLSN?.description
    }

    /// `active, holds 1.2 GB of WAL (extended), 800 MB to go before it is in danger`.
    var summary: String {
        var parts = [active ? "active" : "inactive"]
        if let heldBytes {
            parts.append("holds \(HumanText.size(heldBytes)) of WAL" + (walStatus.map { " (\($0))" } ?? ""))
        }
        if let safeWalSize {
            parts.append(
                safeWalSize > 0
                    ? "\(HumanText.size(UInt64(safeWalSize))) to go before it is in danger" : "over the server's limit")
        }
        return parts.joined(separator: ", ")
    }
}
