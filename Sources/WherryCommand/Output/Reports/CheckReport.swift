import Model

/// `wherry check`: every finding, the worst first.
package struct CheckReport: Report, Equatable {
    package struct Entry: Encodable, Sendable, Equatable {
        package let severity: String
        package let code: String
        package let subject: String
        package let message: String
        package let remedy: String?
    }

    package let schemaVersion = 1
    package let pipeline: String
    /// Whether `wherry run` would start.
    package let ok: Bool
    package let errors: Int
    package let warnings: Int
    package let findings: [Entry]
    /// What the command ends with.
    let exitCode: Model.ExitCode

    enum CodingKeys: String, CodingKey {
        case schemaVersion, pipeline, ok, errors, warnings, findings
    }

    package init(pipeline: String, findings: [Finding]) {
        self.pipeline = pipeline
        let ranked = findings.enumerated().sorted {
            (CheckReport.rank($0.element), $0.offset) < (CheckReport.rank($1.element), $1.offset)
        }.map(\.element)
        errors = findings.count { $0.severity == .error }
        warnings = findings.count { $0.severity == .warning }
        ok = errors == 0
        self.findings = ranked.map {
            Entry(
                severity: $0.severity.rawValue, code: $0.code, subject: $0.subject,
                message: Redaction.redact($0.message), remedy: $0.remedy.map(Redaction.redact))
        }
        exitCode = CheckReport.exitCode(findings)
    }

    /// Of the errors: a server that can't be reached before a privilege that is missing before everything else.
    private static func exitCode(_ findings: [Finding]) -> Model.ExitCode {
        let codes = Set(findings.filter { $0.severity == .error }.map { Failure($0.kind, $0.message).exitCode })
        if codes.isEmpty { return .ok }
        return [.unreachable, .denied, .dataGap, .configuration].first(where: codes.contains) ?? .configuration
    }

    private static func rank(_ finding: Finding) -> Int {
        switch finding.severity {
        case .error: 0
        case .warning: 1
        case .info: 2
        }
    }

    package var text: [String] {
        var lines: [String] = []
        for entry in findings {
            lines.append("\(DisplayWidth.pad(entry.severity, width: 7))  \(entry.subject): \(entry.message)")
            for line in (entry.remedy ?? "").split(separator: "\n") { lines.append("           \(line)") }
        }
        if !findings.isEmpty { lines.append("") }
        let warned = warnings == 0 ? "" : warnings == 1 ? ", 1 warning" : ", \(warnings) warnings"
        let verdict =
            ok
            ? "ok: 'wherry run' can start"
            : "\(errors) \(errors == 1 ? "error" : "errors"): 'wherry run' would refuse to start"
        return lines + [verdict + warned]
    }
}
