import Model

/// How an error is told: `wherry: what happened`, then `hint: what to do`, or one JSON object
/// `{"error": {exit_code, hint, kind, message}, "schema_version": 1}`.
struct ErrorReport: Encodable, Sendable, Equatable {
    struct Body: Encodable, Sendable, Equatable {
        let kind: String
        let message: String
        let hint: String?
        let exitCode: Int32
    }

    let schemaVersion = 1
    let error: Body

    init(_ failure: Failure) {
        error = Body(
            kind: failure.kind.rawValue, message: Redaction.redact(ErrorReport.oneLine(failure.message)),
            hint: ErrorReport.hint(of: failure).map(Redaction.redact), exitCode: failure.exitCode.rawValue)
    }

    private static let report = "Please report it with this text and the output of 'wherry version'."

    private static func hint(of failure: Failure) -> String? {
        failure.hint ?? (failure.kind == .unexpected ? report : nil)
    }

    /// Without a newline at the end.
    func rendered(as format: LogFormat) -> String {
        switch format {
        case .text: "wherry: \(error.message)" + (error.hint.map { "\nhint: \($0)" } ?? "")
        case .json: JSONText.line(self)
        }
    }

    /// Anything that is no `Failure` is a defect: the type names it, the text may help whoever reads the report.
    static func failure(from error: any Error) -> Failure {
        if let failure = error as? Failure { return failure }
        if error is CancellationError {
            return Failure(.unexpected, "the work was cancelled", hint: "Start it again; it goes on where it stopped.")
        }
        return Failure(
            .unexpected, "unexpected error of type \(type(of: error)): \(error)",
            hint: report)
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
