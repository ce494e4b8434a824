import Model

/// Draws a reading as lines for a terminal. Pure; no line is wider than the terminal less one column, and there are
/// never more lines than it has rows less one.
struct ProgressRenderer: Sendable {
    let pipeline: String
    let size: TerminalSize

    /// More tables than this are summed up in one line.
    static let tableLimit = 10

    func lines(_ reading: ProgressReading) -> [String] {
        var lines = [title(reading)]
        switch reading.snapshot.phase {
        case .copying: lines += copy(reading)
        case .streaming: lines += stream(reading) + (reading.snapshot.isBackfilling ? copy(reading) : [])
        case .stopping: lines += isStreaming(reading.snapshot) ? stream(reading) : copy(reading)
        case .starting: break
        }
        if let waiting = reading.snapshot.toldWaiting, let duration = reading.waitingFor {
            lines.append("  waiting for \(HumanText.duration(duration)): \(waiting.reason)")
        }
        let width = max(1, size.columns - 1)
        return lines.prefix(max(1, size.rows - 1)).map { DisplayWidth.fit($0, width: width) }
    }

    /// Whether the copy is behind it, told from the board alone.
    private func isStreaming(_ snapshot: ProgressSnapshot) -> Bool {
        snapshot.applied > .zero && snapshot.tables.allSatisfy(\.isFinished)
    }

    private func title(_ reading: ProgressReading) -> String {
        let words =
            switch reading.snapshot.phase {
            case .starting: "starting"
            case .copying: "copying"
            case .streaming: "streaming"
            case .stopping: "stopping"
            }
        return "wherry \(pipeline): \(words), \(HumanText.duration(reading.elapsed))"
    }

    private func copy(_ reading: ProgressReading) -> [String] {
        guard !reading.snapshot.tables.isEmpty else { return [] }
        var total = "  \(HumanText.count(reading.rowsCopied)) of about \(HumanText.count(reading.rowsEstimated)) rows"
        if let percent = HumanText.percent(reading.rowsCopied, of: reading.rowsEstimated) { total += " (\(percent))" }
        if let rate = reading.rowsPerSecond { total += "   \(HumanText.rate(rate)) rows/s" }
        if let eta = reading.eta { total += "   about \(HumanText.duration(eta)) left" }
        return [total] + tables(reading)
    }

    /// All of them where they are few; the running ones and a summary where they are many.
    private func tables(_ reading: ProgressReading) -> [String] {
        let all = Array(zip(reading.snapshot.tables, reading.tableRates))
        let isLong = all.count > ProgressRenderer.tableLimit
        // Room for the title, the total, the summary and a waiting reason.
        let room = max(0, min(ProgressRenderer.tableLimit, size.rows - 5))
        let running = all.filter { !$0.0.isFinished && $0.0.copiedRows > 0 }
        let shown = Array((isLong || all.count > room ? running : all).prefix(room))
        let nameWidth = min(40, shown.map { DisplayWidth.columns(name(of: $0.0, among: all.map(\.0))) }.max() ?? 0)
        var lines = shown.map { table, rate in
            line(table, name(of: table, among: all.map(\.0)), rate: rate, nameWidth: nameWidth)
        }
        guard shown.count < all.count else { return lines }
        let done = all.count { $0.0.isFinished }
        let hidden = running.count - shown.count
        var summary = "  \(done) of \(all.count) tables done, \(all.count - done - running.count) not begun"
        if hidden > 0 { summary += ", \(hidden) more running" }
        lines.append(summary)
        return lines
    }

    /// With the collection where the table has several.
    private func name(of table: TableProgress, among all: [TableProgress]) -> String {
        let hasOthers = all.contains { $0.table == table.table && $0.collection != table.collection }
        return hasOthers ? "\(table.table) into \(table.collection)" : table.table.description
    }

    private func line(_ table: TableProgress, _ name: String, rate: Double?, nameWidth: Int) -> String {
        let name = DisplayWidth.pad(name, width: nameWidth)
        let copied = DisplayWidth.pad(HumanText.count(table.copiedRows), width: 13, alignRight: true)
        if table.isFinished { return "    \(name)  \(copied) rows  done" }
        let percent = HumanText.percent(table.copiedRows, of: max(table.estimatedRows, table.copiedRows)) ?? ""
        let state = table.copiedRows == 0 ? "not begun" : percent
        let speed = table.copiedRows == 0 ? nil : rate.map { "  \(HumanText.rate($0)) rows/s" }
        return "    \(name)  \(copied) rows  \(state)" + (speed ?? "")
    }

    private func stream(_ reading: ProgressReading) -> [String] {
        let snapshot = reading.snapshot
        var position = "  position \(snapshot.applied)   behind \(HumanText.size(reading.lagBytes))"
        if let seconds = reading.lagSeconds { position += ", \(HumanText.duration(seconds: seconds))" }
        if let rate = reading.changesPerSecond { position += "   \(HumanText.rate(rate)) changes/s" }
        let total =
            "  \(HumanText.count(snapshot.changesApplied)) changes in \(HumanText.count(snapshot.transactionsApplied)) "
            + "transactions, \(HumanText.count(snapshot.batchesApplied)) batches"
        return [position, total]
    }
}
