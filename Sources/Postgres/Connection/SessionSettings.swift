/// What every session pins, ordinary or walsender, so that no default of a server, database or role changes the form of
/// a value or ends the session. (A walsender runs the output functions under its own session's settings.)
enum SessionSettings {
    /// One simple query for a server of this version (`server_version_num`).
    static func statements(serverVersion: Int) -> String {
        var settings = [
            "TimeZone = 'UTC'",
            "DateStyle = 'ISO'",
            "IntervalStyle = 'iso_8601'",
            "extra_float_digits = 3",
            "bytea_output = 'hex'",
            "search_path = ''",
            "standard_conforming_strings = on",
            "statement_timeout = 0",
            "lock_timeout = 0",
            "idle_in_transaction_session_timeout = 0",
            // Under row-level security an error, not a part of the rows.
            "row_security = off",
            // With synchronous replication a heartbeat must not wait for the standby.
            "synchronous_commit = local",
            // The planner overrates the catalogue's functions: half a second of compiling for a millisecond of reading,
            // every ten seconds (tried on 15.20).
            "jit = off",
        ]
        if serverVersion >= 140_000 { settings.append("idle_session_timeout = 0") }
        if serverVersion >= 170_000 { settings.append("transaction_timeout = 0") }
        return settings.map { "SET \($0)" }.joined(separator: "; ")
    }
}
