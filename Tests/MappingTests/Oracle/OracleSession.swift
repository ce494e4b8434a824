import Model

/// One connection to a real server, whatever runs it. All calls are made one after the other.
struct OracleSession: Sendable {
    /// Runs one statement; the rows in text form, nil for null, no rows where there are none.
    let rows: @Sendable (String) async throws -> [[String?]]
    /// `COPY (query) TO STDOUT (FORMAT binary)`: every tuple, its fields `.binary` or `.null`.
    let copyBinary: @Sendable (String) async throws -> [Row]

    /// What Wherry's own sessions pin (design: sessions pin their settings).
    static let settings = [
        "SET TimeZone = 'UTC'", "SET DateStyle = 'ISO, MDY'", "SET IntervalStyle = 'iso_8601'",
        "SET extra_float_digits = 3", "SET bytea_output = 'hex'", "SET client_encoding = 'UTF8'",
    ]
}
