/// One thing that `wherry check` has to say about a server, a table or a type.
package struct Finding: Hashable, Sendable {
    package enum Severity: String, Sendable {
        /// `wherry run` refuses to start.
        case error
        /// It runs; somebody should know.
        case warning
        /// Good to know.
        case info
    }

    package let severity: Severity
    /// Stable, snake_case, for scripts: `wal_level`, `table_without_key`.
    package let code: String
    /// What it is about: `source`, `target`, or a table or column by name.
    package let subject: String
    /// Lower case, complete, no full stop.
    package let message: String
    /// What to do, the statement to run included; nil for `.info`.
    package let remedy: String?
    /// How the program ends when this is the worst finding: `.configuration` mostly, `.denied` for privileges.
    package let kind: Failure.Kind

    package init(
        _ severity: Severity, _ code: String, subject: String, _ message: String, remedy: String? = nil,
        kind: Failure.Kind = .configuration
    ) {
        self.severity = severity
        self.code = code
        self.subject = subject
        self.message = message
        self.remedy = remedy
        self.kind = kind
    }

    /// The same, where it is a reason to refuse.
    package var asRefusal: Finding {
        Finding(.error, code, subject: subject, message, remedy: remedy, kind: kind)
    }

    /// The same, where it is no reason to refuse a start.
    package var withoutRefusal: Finding {
        guard severity == .error else { return self }
        return Finding(.warning, code, subject: subject, message, remedy: remedy, kind: kind)
    }
}
