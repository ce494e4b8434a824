/// How log lines and errors look on standard error.
package enum LogFormat: String, CaseIterable, Sendable {
    /// For people: time, level, message, `key=value`.
    case text
    /// For machines: one object a line.
    case json
}
