import Model

/// For whom a backfill waits while a fence stands: transactions of the source that snapshots don't see yet. Pure.
enum FenceReason {
    /// Named at most.
    private static let most = 3

    /// - Parameters:
    ///   - running: what has written and isn't over; empty when that is unknown.
    ///   - newest: a snapshot, for the ids' upper halves.
    static func text(
        _ fence: VisibilityFence, running: [RunningTransaction], newest: VisibilitySnapshot
    ) -> String {
        let those = running.map { (id: newest.widen($0.xid), summary: $0.summary) }
            .filter { $0.id < fence.floor || fence.ids.contains($0.id) }
            .sorted { $0.id < $1.id }
        let what =
            fence.floor > 0
            ? "transactions of the source that were running when it began"
            : "transactions that the stream has brought and the source's snapshots don't see yet"
        guard !those.isEmpty else { return "the backfill waits for \(what)" }
        let named = those.prefix(most).map(\.summary).joined(separator: ", ")
        let more = those.count > most ? " and \(those.count - most) more" : ""
        return "the backfill waits for \(what): \(named)\(more)"
    }
}
