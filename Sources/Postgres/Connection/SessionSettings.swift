/// What every session pins, ordinary or walsender, so that no default of a server, database or role changes the form of
/// a value or ends the session. (A walsender runs the output functions under its own session's settings.)
enum SessionSettings {
    /// One simple query for a server of this version (`server_version_num`), and a database in this encoding
    /// (`server_encoding`).
    static func statements(serverVersion: Int, serverEncoding: String?) -> String {
        var settings = [
            "TimeZone = 'UTC'",
            "DateStyle = 'ISO'",
            "IntervalStyle = 'iso_8601'",
            "extra_float_digits = 3",
            "bytea_output = 'hex'",
            "search_path = ''",
            "quote_all_identifiers = off",
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
        // The server would look for what isn't UTF-8, and say no more than that there is something (22021): which row and
        // column it is in is found here.
        if serverEncoding == "SQL_ASCII" { settings.append("client_encoding = 'SQL_ASCII'") }
        if serverVersion >= 140_000 { settings.append("idle_session_timeout = 0") }
        if serverVersion >= 170_000 { settings.append("transaction_timeout = 0") }
        return settings.map { "SET \($0)" }.joined(separator: "; ")
    }
}
