import Model

/// `wherry status`: one pipeline. LSNs are PostgreSQL's text form, moments are UTC with milliseconds, sizes are bytes.
package struct StatusReport: Report, Equatable {
    package struct Worker: Encodable, Sendable, Equatable {
        package var active: Bool
        /// Of the server process that serves the worker.
        package var pid: Int?
        /// The address the worker connects from.
        package var host: String?
        package var application: String?
        package var since: String?

        package init(
            active: Bool, pid: Int? = nil, host: String? = nil, application: String? = nil, since: String? = nil
        ) {
            self.active = active
            self.pid = pid
            self.host = host
            self.application = application
            self.since = since
        }
    }

    package struct Table: Encodable, Sendable, Equatable {
        package var table: String
        package var collection: String
        package var rowsEstimated: Int
        package var rowsCopied: Int
        /// `waiting`, `copying` or `finished`.
        package var state: String
        /// A backfill is asked for, and begins with the next start of the stream.
        package var backfillAsked: Bool?
        /// Nothing is read for its backfill.
        package var paused: Bool?
        /// The condition of its backfill.
        package var condition: String?
        /// Documents its backfill has removed because their rows are gone.
        package var documentsRemoved: Int?
        /// Rows that have to be read once more before every document is whole.
        package var rowsToReadAgain: Int?
        /// Why it is read again, where nobody has asked for that: `schema_change`.
        package var backfillCause: String?
        /// `joining` or `leaving`, of a table that the next start of the stream lets in or takes out.
        package var membership: String?
        /// Why the last backfill that was asked for was given up.
        package var backfillRefusal: String?

        package init(table: String, collection: String, rowsEstimated: Int, rowsCopied: Int, state: String) {
            self.table = table
            self.collection = collection
            self.rowsEstimated = rowsEstimated
            self.rowsCopied = rowsCopied
            self.state = state
        }
    }

    package struct Waiting: Encodable, Sendable, Equatable {
        package var reason: String
        package var since: String

        package init(reason: String, since: String) {
            self.reason = reason
            self.since = since
        }
    }

    package struct HeldBack: Encodable, Sendable, Equatable {
        package var changes: Int
        package var documents: Int

        package init(changes: Int, documents: Int) {
            self.changes = changes
            self.documents = documents
        }
    }

    package struct LastError: Encodable, Sendable, Equatable {
        package var kind: String
        package var message: String
        package var hint: String?
        package var at: String

        package init(kind: String, message: String, hint: String? = nil, at: String) {
            self.kind = kind
            self.message = message
            self.hint = hint
            self.at = at
        }
    }

    package let schemaVersion = 1
    package var pipeline: String
    /// `absent` before the first run, then `backfilling` or `streaming`; `copying_once` or `copied_once` of a copy without
    /// a slot.
    package var state: String
    package var stateSince: String?
    package var source: String
    package var target: String
    package var worker: Worker
    /// What the active worker's backfill waits for; nil while it works, and without one.
    package var waiting: Waiting?
    package var tables: [Table] = []
    package var appliedLsn: String?
    package var appliedCommitTime: String?
    package var sourceLsn: String?
    package var lagBytes: UInt64?
    package var lagSeconds: Double?
    /// nil when the slot does not exist.
    package var slot: SlotReport?
    /// Source transactions that were larger than one batch and are seen in parts.
    package var transactionsSplit: Int?
    /// Changes that could not be written, and the documents they are of; nil when there are none.
    package var heldBack: HeldBack?
    /// Of the indexes that the configuration asks for, how many are not there; nil when none is missing.
    package var indexesMissing: Int?
    package var lastError: LastError?
    /// Why the source could not be asked; then slot, worker and the source's position are unknown.
    package var sourceError: LastError?
    /// What to do now, in words; nil when there is nothing to do. Filled in by `advised()`.
    package var nextStep: String?

    package init(pipeline: String, state: String, source: String, target: String, worker: Worker) {
        self.pipeline = pipeline
        self.state = state
        self.source = source
        self.target = target
        self.worker = worker
    }

    /// Sets positions, and the lag computed from them. `now` is this machine's clock.
    package mutating func setPositions(applied: LSN?, commitTime: SourceTime?, sourceEnd: LSN?, now: SourceTime?) {
        appliedLsn = applied?.description
        sourceLsn = sourceEnd?.description
        appliedCommitTime = commitTime.map(Timestamp.text)
        guard let applied, let sourceEnd else { return }
        lagBytes = sourceEnd.bytes(since: applied)
        if applied >= sourceEnd {
            lagSeconds = 0
        } else if let commitTime, let now {
            lagSeconds = max(0, Double((now.microseconds - commitTime.microseconds) / 1000) / 1000)
        }
    }

    /// The source's failure as such, for the exit code; not part of the JSON.
    package var failure: Failure? {
        guard let sourceError, let kind = Failure.Kind(rawValue: sourceError.kind) else { return nil }
        return Failure(kind, sourceError.message, hint: sourceError.hint)
    }

    /// The same with `nextStep`.
    package func advised() -> StatusReport {
        var report = self
        report.nextStep = StatusAdvice.nextStep(for: self)
        return report
    }
}

extension StatusReport {
    package var text: [String] {
        var lines = ["pipeline \(pipeline): \(state)" + (stateSince.map { " since \($0)" } ?? "")]
        lines.append("  from \(source)")
        lines.append("  to   \(target)")
        lines.append("  worker    \(sourceError == nil ? workerText : "unknown")")
        if let waiting { lines.append("  waiting   since \(waiting.since): \(waiting.reason)") }
        if let appliedLsn { lines.append("  position  \(appliedLsn)" + lagText) }
        let noSlot = sourceError == nil ? "none" : "unknown"
        lines.append("  slot      " + (slot.map { "\($0.name): \($0.summary)" } ?? noSlot))
        if let transactionsSplit, transactionsSplit > 0 {
            lines.append(
                "  split     \(HumanText.count(transactionsSplit)) source transactions did not fit one batch and were visible in parts"
            )
        }
        if let heldBack {
            lines.append(
                "  held back \(HumanText.count(heldBack.changes)) changes of \(HumanText.count(heldBack.documents)) "
                    + "documents could not be written ('wherry dead-letters list')")
        }
        if let indexesMissing {
            let count = HumanText.count(indexesMissing)
            lines.append("  indexes   \(count) of those in the file are not there ('wherry check')")
        }
        if !tables.isEmpty { lines += [""] + tableLines }
        if let lastError {
            lines += ["", "last error (\(lastError.at)): \(lastError.message)"]
            if let hint = lastError.hint { lines.append("  hint: \(hint)") }
        }
        if let sourceError { lines += ["", "the source could not be asked: \(sourceError.message)"] }
        if let nextStep { lines += ["", "next: \(nextStep)"] }
        return lines
    }

    private var workerText: String {
        guard worker.active else { return "none" }
        let details = [
            worker.pid.map { "server process \($0)" }, worker.application, worker.host.map { "from \($0)" },
            worker.since.map { "since \($0)" },
        ].compactMap { $0 }
        return "active" + (details.isEmpty ? "" : " (\(details.joined(separator: ", ")))")
    }

    private var lagText: String {
        guard let lagBytes else { return "" }
        let seconds = lagSeconds.map { ", \(HumanText.duration(seconds: $0))" } ?? ""
        return lagBytes == 0 ? ", nothing behind" : ", behind \(HumanText.size(lagBytes))\(seconds)"
    }

    private var tableLines: [String] {
        var table = TextTable([
            ("table", .left), ("collection", .left), ("copied", .right), ("estimated", .right), ("state", .left),
        ])
        for row in tables {
            table.add([
                row.table, row.collection, HumanText.count(row.rowsCopied), HumanText.count(row.rowsEstimated),
                row.stateText,
            ])
        }
        return table.lines(indent: "  ")
    }
}

extension StatusReport.Table {
    /// `copying, paused`, `finished, 3 documents removed, backfill asked for`
    fileprivate var stateText: String {
        var parts = [state]
        if let condition { parts.append("where \(condition)") }
        if paused == true { parts.append("paused") }
        if let documentsRemoved, documentsRemoved > 0 {
            parts.append("\(HumanText.count(documentsRemoved)) documents removed")
        }
        if let rowsToReadAgain { parts.append("\(HumanText.count(rowsToReadAgain)) rows to read again") }
        if backfillCause != nil { parts.append("read again because its columns have changed") }
        if let membership { parts.append(membership) }
        if backfillAsked == true { parts.append("backfill asked for") }
        if let backfillRefusal { parts.append("backfill given up: \(backfillRefusal)") }
        return parts.joined(separator: ", ")
    }
}
