import Model

/// What an error means while a chunk is planned or read. Nothing is lost with a chunk: it is read again.
enum ChunkFailure {
    static func classify(_ error: ServerError, doing action: String, at target: ConnectionTarget) -> Failure {
        let what = "can't \(action): \(error.safeMessage)"
        switch error.sqlState {
        case SQLState.lockNotAvailable:
            return Failure(
                .chunkInterrupted, "can't \(action): the table is locked by another session",
                hint: "The rows are read again; if it stays locked, look for the session in pg_locks.")
        case SQLState.undefinedTable, SQLState.undefinedColumn, SQLState.undefinedFunction, SQLState.undefinedObject,
            SQLState.invalidSchemaName:
            return changed(what)
        // A deadlock or a standby's conflict with recovery, or somebody's pg_cancel_backend.
        case .some(let state) where state.hasPrefix("40") || state == SQLState.queryCanceled:
            return Failure(.chunkInterrupted, what, hint: "The rows are read again.")
        default:
            return error.failure(doing: action, at: target)
        }
    }

    /// The table is not the one it was when the backfill was planned.
    static func changed(_ what: String) -> Failure {
        Failure(
            .copyInterrupted, what,
            hint: "The table was changed since the backfill was planned: it is read again as it is now.")
    }
}
