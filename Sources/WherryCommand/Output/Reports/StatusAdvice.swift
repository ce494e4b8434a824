import Model

/// What somebody who is woken at night should do about a pipeline, the most urgent thing first. Pure.
enum StatusAdvice {
    /// A slot that holds more than this is worth a word even while everything runs.
    static let muchWAL: UInt64 = 10_000_000_000

    static func nextStep(for report: StatusReport) -> String? {
        if let error = report.sourceError { return error.hint ?? "find out why the source can't be reached" }
        if report.state == "absent" {
            guard let slot = report.slot else { return "nothing is there yet: 'wherry check', then 'wherry run'" }
            return
                "no state is stored, but the slot \(slot.name) exists: remove it with 'wherry drop \(report.pipeline)'"
        }
        if let stage = PipelineState.Stage(rawValue: report.state), stage.isOneOff {
            return stage == .copyingOnce
                ? unfinishedCopy(report)
                : "the copy is whole: 'wherry drop \(report.pipeline)' "
                    + "removes what is left of its state"
        }
        if report.appliedLsn == nil, !report.worker.active {
            return
                "the initial copy is not whole: read the last error, if there is one, then start 'wherry run' (or 'wherry "
                + "snapshot') again"
        }
        guard let slot = report.slot else {
            if report.appliedLsn == nil { return nil }
            return "the slot is gone, and with it the changes since \(report.appliedLsn ?? "the beginning"): "
                + "'wherry run --accept-gap' makes a new one and reads every table again"
        }
        if slot.walStatus == "lost" {
            return "the server has removed WAL this slot needed: raise max_slot_wal_keep_size, then 'wherry run "
                + "--accept-gap' makes a new one and reads every table again"
        }
        if !report.worker.active { return idle(report, slot) }
        return busy(report, slot)
    }

    private static func unfinishedCopy(_ report: StatusReport) -> String? {
        guard !report.worker.active else { return nil }
        return
            "the copy was interrupted, and what the target holds of it is no copy: 'wherry snapshot --no-slot' begins it "
            + "again, 'wherry drop \(report.pipeline) --documents' removes it"
    }

    private static func idle(_ report: StatusReport, _ slot: SlotReport) -> String {
        let held = slot.heldBytes.map {
            ", and its slot holds \(HumanText.size($0)) of WAL on the source, more every hour"
        }
        let reason = report.lastError.map { _ in "read the last error above, then start" } ?? "start"
        return
            "no worker is running\(held ?? ""): \(reason) 'wherry run', or 'wherry drop \(report.pipeline)' if it is not "
            + "needed any more"
    }

    private static func busy(_ report: StatusReport, _ slot: SlotReport) -> String? {
        if slot.walStatus == "unreserved" {
            return
                "the slot is over max_slot_wal_keep_size and can be lost at the next checkpoint of the server: raise it now"
        }
        if let table = report.tables.first(where: { $0.paused == true }) {
            let isOneOfSeveral = report.tables.contains { $0.table == table.table && $0.collection != table.collection }
            let words = isOneOfSeveral ? "\(table.table) --into \(table.collection)" : table.table
            return "the backfill of \(table.table) is paused: 'wherry backfill \(words) --resume' goes on with it"
        }
        if let table = report.tables.first(where: { $0.backfillRefusal != nil }) {
            return "the backfill of \(table.table) was given up, see above: mend that, then ask again"
        }
        if report.heldBack != nil {
            return "mend what 'wherry dead-letters list' says, then 'wherry dead-letters retry --all'"
        }
        if let held = slot.heldBytes, held >= muchWAL {
            return
                "the slot holds \(HumanText.size(held)) of WAL: watch the source's disk, and look at what slows the target"
        }
        return nil
    }
}
