import Logging

/// Every metadata key of the program's own log lines. Messages are constant; what varies is here.
enum LogKey: String, CaseIterable, Sendable {
    case pipeline
    case phase
    case version
    case signal
    case source
    case target
    case slot
    case publication
    case stateDatabase = "state_database"
    case rowsCopied = "rows_copied"
    case rowsEstimated = "rows_estimated"
    case rowsPerSecond = "rows_per_second"
    case tablesDone = "tables_done"
    case tables
    case rowsStale = "rows_stale"
    case rowsReadAgain = "rows_read_again"
    case touchLogCleared = "touch_log_cleared"
    case fenceWaits = "fence_waits"
    case etaSeconds = "eta_seconds"
    case receivedLSN = "received_lsn"
    case appliedLSN = "applied_lsn"
    case consistentLSN = "consistent_lsn"
    case confirmedLSN = "confirmed_lsn"
    case sourceLSN = "source_lsn"
    case lagBytes = "lag_bytes"
    case lagSeconds = "lag_seconds"
    case changes
    case changesPerSecond = "changes_per_second"
    case transactions
    case transactionsSplit = "transactions_split"
    case batches
    case coalesced
    case queuedBytes = "queued_bytes"
    case retries
    case reconnects
    case waiting
    case waitingSeconds = "waiting_seconds"
    case outcome
    case seconds
}

extension Logger.Metadata {
    /// Reads and writes by `LogKey`.
    subscript(key key: LogKey) -> Logger.MetadataValue? {
        get { self[key.rawValue] }
        set { self[key.rawValue] = newValue }
    }
}
