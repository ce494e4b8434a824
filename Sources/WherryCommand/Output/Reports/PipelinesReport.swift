import Model

/// `wherry pipelines`: every pipeline of the state database, and slots named `wherry_…` that belong to none.
package struct PipelinesReport: Report, Equatable {
    package struct Pipeline: Encodable, Sendable, Equatable {
        package var name: String
        package var state: String
        package var targetDatabase: String?
        /// Whether it copies from another cluster or database than the source given: then slot and worker are unknown.
        package var sourceIsAnother: Bool
        package var workerActive: Bool
        package var appliedLsn: String?
        package var lagBytes: UInt64?
        /// nil when it does not exist (any more) on this source.
        package var slot: SlotReport?

        /// A copy without a slot has none to lose.
        fileprivate var hasSlot: Bool { PipelineState.Stage(rawValue: state)?.isOneOff != true }

        package init(
            name: String, state: String, targetDatabase: String? = nil, sourceIsAnother: Bool = false,
            workerActive: Bool,
            appliedLSN: String? = nil, lagBytes: UInt64? = nil, slot: SlotReport? = nil
        ) {
            self.name = name
            self.state = state
            self.targetDatabase = targetDatabase
            self.sourceIsAnother = sourceIsAnother
            self.workerActive = workerActive
            self.appliedLsn = appliedLSN
            self.lagBytes = lagBytes
            self.slot = slot
        }
    }

    package let schemaVersion = 1
    package var pipelines: [Pipeline]
    package var straySlots: [SlotReport]

    package init(pipelines: [Pipeline], straySlots: [SlotReport]) {
        self.pipelines = pipelines
        self.straySlots = straySlots
    }

    package var text: [String] {
        var lines: [String] = []
        if pipelines.isEmpty {
            lines.append("no pipelines")
        } else {
            var table = TextTable([
                ("pipeline", .left), ("state", .left), ("worker", .left), ("position", .left), ("behind", .right),
                ("slot", .left), ("holds", .right), ("WAL", .left),
            ])
            for row in pipelines {
                table.add([
                    row.name, row.state, row.sourceIsAnother ? "unknown" : row.workerActive ? "active" : "none",
                    row.appliedLsn ?? "", row.lagBytes.map(HumanText.size) ?? "",
                    row.slot?.name ?? (row.sourceIsAnother ? "on another source" : row.hasSlot ? "gone" : "none"),
                    row.slot?.heldBytes.map(HumanText.size) ?? "", row.slot?.walStatus ?? "",
                ])
            }
            lines += table.lines()
        }
        for slot in straySlots {
            let stray = "slot \(slot.name) belongs to no pipeline of this state database: \(slot.summary)"
            lines += ["", stray, "  \(remedy(slot))"]
        }
        return lines
    }

    private func remedy(_ slot: SlotReport) -> String {
        if slot.active { return "something reads it: find out what before removing it" }
        let prefix = "wherry_"
        let name = slot.name.hasPrefix(prefix) ? String(slot.name.dropFirst(prefix.count)) : slot.name
        return "it keeps WAL for nobody: remove it with 'wherry drop \(name)'"
    }
}
