/// The result of a command: JSON for scripts (snake_case, `schema_version`, documented in docs/configuration.md), lines
/// for people. A key without a value is left out of the JSON.
package protocol Report: Encodable, Sendable {
    /// Grows when a key changes its meaning or goes away; new keys don't count.
    var schemaVersion: Int { get }
    /// For a terminal: what it is, what it means, what to do.
    var text: [String] { get }
}

extension Report {
    package var json: String { JSONText.document(self) }
}
