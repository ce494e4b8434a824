import Model

/// What an error means inside an imported snapshot: whatever ends the session or changes the table ends the copy.
enum SnapshotFailure {
    static func classify(_ error: ServerError, doing action: String, at target: ConnectionTarget) -> Failure {
        let again = "The snapshot ends with the session that made the slot: the copy has to start again."
        switch error.sqlState {
        case SQLState.invalidParameterValue, SQLState.undefinedObject, SQLState.objectNotInPrerequisiteState:
            return Failure(.copyInterrupted, "can't \(action): the snapshot is gone", hint: again)
        case SQLState.undefinedTable, SQLState.undefinedColumn:
            return Failure(
                .copyInterrupted, "can't \(action): \(error.safeMessage)",
                hint: "The table was changed after the snapshot: the copy has to start again.")
        default:
            let failure = error.failure(doing: action, at: target)
            guard failure.kind == .sourceInterrupted, error.origin != .connecting else { return failure }
            return Failure(.copyInterrupted, failure.message, hint: again)
        }
    }
}
