/// What decodes the log at the end of the slot. The raw value is its name on the server.
package enum OutputPlugin: String, CaseIterable, Sendable {
    case pgoutput
    /// Format version 2; for servers where that is what is allowed.
    case wal2json
}
