import Model

/// `wherry backfill`: what was asked for, or what came of it.
package struct BackfillReport: Report, Equatable {
    package enum Outcome: String, Encodable, Sendable {
        case asked, paused, resumed, cancelled, finished
        /// It goes on, and nobody waits for it any more.
        case underWay = "under_way"
    }

    package let schemaVersion = 1
    package var pipeline: String
    package var table: String
    /// nil where the table has one.
    package var collection: String?
    package var outcome: Outcome
    /// The operator's, as it was given.
    package var condition: String?
    /// Whether documents are removed whose rows are gone; nil where nothing is asked for.
    package var removesGone: Bool?
    /// Why they are kept, where that was not asked for.
    package var notice: String?
    package var workerActive: Bool
    /// Of the backfill so far; nil before it begins.
    package var rowsRead: Int?
    package var documentsRemoved: Int?

    package init(pipeline: String, table: TableName, collection: String? = nil, outcome: Outcome, workerActive: Bool) {
        self.collection = collection
        self.pipeline = pipeline
        self.table = table.description
        self.outcome = outcome
        self.workerActive = workerActive
    }

    package var text: [String] {
        var lines = ["\(pipeline): \(outcomeText)"]
        if let rowsRead {
            let removed = documentsRemoved.map { ", \(HumanText.count($0)) documents without a row removed" } ?? ""
            lines.append("  \(HumanText.count(rowsRead)) rows read\(removed)")
        }
        if let notice { lines.append("  \(notice)") }
        switch outcome {
        case .finished, .cancelled: break
        case .underWay: lines.append("  'wherry status' shows how far it is")
        case .paused: lines.append("  'wherry backfill \(words) --resume' goes on with it")
        case .asked, .resumed:
            lines.append(
                workerActive
                    ? "  the active worker begins it within a second"
                    : "  no worker is active: the next 'wherry run' begins it")
            lines.append("  'wherry status' shows how far it is")
        }
        return lines
    }

    private var words: String { table + (collection.map { " --into \($0)" } ?? "") }

    private var outcomeText: String {
        let table = table + (collection.map { " into \($0)" } ?? "")
        return switch outcome {
        case .asked:
            "the backfill of \(table) is asked for"
                + (removesGone == true ? ", documents whose rows are gone are removed" : "")
        case .paused: "the backfill of \(table) is paused"
        case .resumed: "the backfill of \(table) goes on"
        case .cancelled: "the backfill of \(table) is cancelled; what it has written stays"
        case .finished: "the backfill of \(table) is finished"
        case .underWay: "the backfill of \(table) goes on without being watched"
        }
    }
}
