import Logging
import Model

/// How a `wherry run` ended.
package struct RunReport: Report, Equatable {
    package let schemaVersion = 1
    package let pipeline: String
    package let outcome: RunOutcome
    package let appliedLsn: String
    package let rowsCopied: Int
    package let changesApplied: Int
    package let transactionsApplied: Int
    /// Source transactions that did not fit one batch.
    package let transactionsSplit: Int
    package let seconds: Double

    init(pipeline: String, outcome: RunOutcome, progress: ProgressSnapshot, seconds: Double) {
        self.pipeline = pipeline
        self.outcome = outcome
        appliedLsn = progress.applied.description
        rowsCopied = progress.tables.reduce(0) { $0 + $1.copiedRows }
        changesApplied = progress.changesApplied
        transactionsApplied = progress.transactionsApplied
        transactionsSplit = progress.transactionsSplit
        self.seconds = (seconds * 1000).rounded() / 1000
    }

    var metadata: Logger.Metadata {
        var fields: Logger.Metadata = [:]
        fields[key: .pipeline] = "\(pipeline)"
        fields[key: .outcome] = "\(outcome.rawValue)"
        fields[key: .appliedLSN] = "\(appliedLsn)"
        fields[key: .rowsCopied] = .stringConvertible(rowsCopied)
        fields[key: .changes] = .stringConvertible(changesApplied)
        fields[key: .transactions] = .stringConvertible(transactionsApplied)
        fields[key: .seconds] = .stringConvertible(seconds)
        return fields
    }

    package var text: [String] {
        ["\(pipeline): \(outcome.rawValue) at \(appliedLsn) after \(HumanText.duration(seconds: seconds))"]
    }
}
