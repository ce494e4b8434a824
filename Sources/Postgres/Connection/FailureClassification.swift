import Model

/// The one place that turns what PostgreSQL reports into a `Failure`. What to do about a kind is decided elsewhere.
extension ServerError {
    /// - Parameters:
    ///   - action: What was tried, to follow "can't": `read the catalogue`.
    ///   - target: Where; only its safe parts are used.
    package func failure(doing action: String, at target: ConnectionTarget) -> Failure {
        switch origin {
        case .connecting: connectFailure(target)
        case .timeout:
            Failure(
                .sourceInterrupted, "can't \(action): the source at \(target.address) gave no answer in time",
                hint: "Look at the server's load and at locks held in pg_stat_activity.")
        case .connection:
            Failure(
                .sourceInterrupted, "can't \(action): the connection to \(target.address) is lost (\(safeMessage))",
                hint: "Look at the server's log; wherry goes on from its checkpoint when the server is back.")
        case .server: serverFailure(action, target)
        }
    }

    private func connectFailure(_ target: ConnectionTarget) -> Failure {
        let what = "can't connect to \(target.safeURI): \(safeMessage)"
        return switch sqlState {
        case .some(let state) where state.hasPrefix("28"):
            Failure(
                .denied, what,
                hint: "Check user, password and pg_hba.conf (replication connections to a database match its "
                    + "database lines).")
        case SQLState.insufficientPrivilege:
            Failure(
                .denied, what,
                hint: "The role needs CONNECT on the database and REPLICATION: ALTER ROLE … REPLICATION.")
        case SQLState.invalidCatalogName:
            Failure(.configuration, what, hint: "Correct the database name in the source's URI.")
        case SQLState.tooManyConnections:
            Failure(
                .sourceInterrupted, what,
                hint: "All connections or WAL senders are taken: raise max_connections or max_wal_senders, or stop "
                    + "one of the others.")
        case .some(let state) where state.hasPrefix("57P"):
            Failure(.sourceInterrupted, what, hint: "The server is starting or stopping: try again shortly.")
        case SQLState.protocolViolation:
            Failure(
                .configuration, what,
                hint: "A connection pooler such as PgBouncer can't pass replication on: connect to the server itself.")
        default:
            Failure(
                .unreachable, what,
                hint: "Is the server running, and are host, port and TLS settings (sslmode) right?")
        }
    }

    private func serverFailure(_ action: String, _ target: ConnectionTarget) -> Failure {
        let what = "can't \(action): \(safeMessage)"
        let state = sqlState ?? ""
        switch state {
        case SQLState.insufficientPrivilege:
            return Failure(.denied, what, hint: "Grant the role what it lacks; `wherry check` prints the statements.")
        case SQLState.objectInUse:
            return Failure(.inUse, what, hint: "Another session holds it: stop that one, or wait until it ends.")
        case SQLState.invalidCatalogName:
            return Failure(.configuration, what, hint: "Correct the database name in the source's URI.")
        case SQLState.objectNotInPrerequisiteState:
            return Failure(
                .configuration, what,
                hint: "Logical replication needs wal_level = logical (and a restart); `wherry check` lists every "
                    + "setting.")
        case SQLState.configurationLimitExceeded:
            return Failure(
                .configuration, what,
                hint: "Raise max_replication_slots, or drop a slot nobody uses (`wherry pipelines` lists them).")
        case SQLState.featureNotSupported, SQLState.duplicateObject, SQLState.undefinedObject:
            return Failure(.configuration, what, hint: "`wherry check` says what this server and role allow.")
        case SQLState.lockNotAvailable:
            return Failure(.inUse, what, hint: "Somebody holds a lock for long: see pg_locks, then try again.")
        case _ where isInterruption(state):
            return Failure(
                .sourceInterrupted, what, hint: "The server ended the session; wherry goes on from its checkpoint.")
        case _ where state.hasPrefix("28"):
            return Failure(.denied, what, hint: "Check user, password and pg_hba.conf.")
        default:
            return Failure(.unexpected, "\(what) (SQLSTATE \(state.isEmpty ? "unknown" : state))")
        }
    }

    /// Class 08 connection exception, 57P01–57P05 shutdown and terminated sessions, 53 insufficient resources, 40
    /// rollback, 57014 cancelled by somebody else, 58 system errors.
    private func isInterruption(_ state: String) -> Bool {
        ["08", "57P", "53", "40", "58"].contains { state.hasPrefix($0) } || state == SQLState.queryCanceled
    }

    /// Classes 22 and 23 (data exception, constraint violation) quote values in their primary message.
    var safeMessage: String {
        if let sqlState, sqlState.hasPrefix("22") || sqlState.hasPrefix("23") { return "a value was refused" }
        return message
    }
}
