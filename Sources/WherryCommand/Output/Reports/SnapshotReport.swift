import Logging
import Model

/// What a `wherry snapshot` has copied, and how it goes on from there.
package struct SnapshotReport: Report, Equatable {
    package enum Outcome: String, Encodable, Sendable {
        case copied
        /// A part of another program's copy; counts and tables are of this program alone.
        case joined
        case alreadyWhole = "already_whole"
    }

    package struct Table: Encodable, Sendable, Equatable {
        package let table: String
        package let collection: String
        package let rows: Int
    }

    package let schemaVersion = 1
    package let pipeline: String
    package let outcome: Outcome
    /// Of a copy that was whole already: since when.
    package var since: String?
    /// The target is what the source was at this position; nil without a slot.
    package var consistentLsn: String?
    /// true when rows were read beside the stream, some or all of them; else nil.
    package var finishedLive: Bool?
    /// Counts and times are nil when nothing was done.
    package var rows: Int?
    package var seconds: Double?
    package var rowsPerSecond: Double?
    package var tables: [Table]?
    /// What keeps the source's changes from then on; nil without.
    package let slot: String?
    package let nextCommand: String?
    /// Variables to set before it: addresses that were given as flags and may hold a password.
    package let nextCommandEnvironment: [String]?

    /// - Throws: `Failure(.copyInterrupted)` when the copy was stopped before it was whole.
    init(request: SnapshotRequest, end: RunSession.End<SnapshotOutcome>, next: NextCommand?) throws {
        pipeline = request.settings.pipeline
        slot = request.usesSlot && !request.joins ? request.settings.source.slot : nil
        nextCommand = next?.text
        nextCommandEnvironment = next.flatMap { $0.environment.isEmpty ? nil : $0.environment }
        switch end.outcome {
        case nil: throw SnapshotReport.interrupted(request, isResumable: false)
        case .stopped(let isResumable): throw SnapshotReport.interrupted(request, isResumable: isResumable)
        case .alreadyWhole(let since):
            outcome = .alreadyWhole
            self.since = Timestamp.text(since)
        case .copied(let position):
            outcome = .copied
            consistentLsn = position?.description
            count(end.progress.tables.map(Table.init), in: end.seconds)
        case .joined(let joined):
            outcome = .joined
            count(joined.map(Table.init), in: end.seconds)
        case .filled(let position, let states):
            outcome = .copied
            consistentLsn = position.description
            finishedLive = true
            count(states.map(Table.init), in: end.seconds)
        }
    }

    private mutating func count(_ copied: [Table], in time: Double) {
        let total = copied.reduce(0) { $0 + $1.rows }
        tables = copied.sorted { $0.table < $1.table }
        rows = total
        seconds = (time * 1000).rounded() / 1000
        rowsPerSecond = time > 0 ? (Double(total) / time).rounded() : nil
    }

    private static func interrupted(_ request: SnapshotRequest, isResumable: Bool) -> Failure {
        let (name, slot) = (request.settings.pipeline, request.settings.source.slot)
        if request.joins {
            return Failure(
                .copyInterrupted, "stopped before the copy \(name) had nothing left to do",
                hint: "Others copy what this program had begun. Start `wherry snapshot --join` again to take part.")
        }
        if isResumable {
            return Failure(
                .copyInterrupted, "stopped before the copy \(name) was whole",
                hint: "What is left is read beside the stream: `wherry snapshot` or `wherry run` goes on with it. "
                    + "Until then slot \(slot) holds WAL on the source.")
        }
        return Failure(
            .copyInterrupted, "stopped before the copy \(name) was whole",
            hint: request.usesSlot
                ? "What the target holds of it is no copy. Start `wherry snapshot` again: it begins anew. Until then slot "
                    + "\(slot) may hold WAL on the source; `wherry drop \(name) --documents` removes everything."
                : "What the target holds of it is no copy. Start `wherry snapshot --no-slot` again: it begins anew; `wherry "
                    + "drop \(name) --documents` removes everything.")
    }

    var metadata: Logger.Metadata {
        var fields: Logger.Metadata = [:]
        fields[key: .pipeline] = "\(pipeline)"
        fields[key: .outcome] = "\(outcome.rawValue)"
        fields[key: .consistentLSN] = consistentLsn.map { "\($0)" }
        fields[key: .rowsCopied] = rows.map { .stringConvertible($0) }
        fields[key: .rowsPerSecond] = rowsPerSecond.map { .stringConvertible(Int($0)) }
        fields[key: .seconds] = seconds.map { .stringConvertible($0) }
        return fields
    }

    package var text: [String] { summary + goingOn }

    private var summary: [String] {
        guard let rows, let seconds, let tables else {
            return ["\(pipeline): the copy is whole since \(since ?? "an earlier run"), nothing was done"]
        }
        let rate = rowsPerSecond.map { ", \(HumanText.rate($0)) rows/s" } ?? ""
        let part = outcome == .joined ? "joined the copy, " : ""
        var lines = [
            "\(pipeline): \(part)\(HumanText.count(rows)) rows copied in \(HumanText.duration(seconds: seconds))\(rate)"
        ]
        if let consistentLsn {
            let way = finishedLive == true ? ", finished beside the stream" : ""
            lines.append("  consistent at \(consistentLsn)\(way)")
        }
        var table = TextTable([("table", .left), ("collection", .left), ("rows", .right)])
        for row in tables { table.add([row.table, row.collection, HumanText.count(row.rows)]) }
        return lines + [""] + table.lines(indent: "  ")
    }

    private var goingOn: [String] {
        guard let slot, let nextCommand else { return [] }
        let first = (nextCommandEnvironment ?? []).joined(separator: " and ")
        let meanwhile = outcome == .copied ? "and holds WAL meanwhile" : "unless it runs already"
        return ["", "slot \(slot) keeps what is written until this goes on from there, \(meanwhile):"]
            + (first.isEmpty ? [] : ["  (set \(first) first, to the address given here as a flag)"])
            + ["  \(nextCommand)"]
    }
}

extension SnapshotReport.Table {
    fileprivate init(_ progress: TableProgress) {
        self.init(table: progress.table.description, collection: progress.collection, rows: progress.copiedRows)
    }

    fileprivate init(_ state: TableState) {
        self.init(table: state.table.description, collection: state.collection, rows: state.copiedRows)
    }
}
