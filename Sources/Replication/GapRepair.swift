import Logging
import Model

/// Goes on after a data gap, where the operator has asked for that: with a new slot, and every table read again beside
/// its stream, so that what is missing between the two comes with the rows.
///
/// The order is what makes it safe to be killed at any point. That every table is to be read again is stored first;
/// from then on whatever start comes next, asked to repair or not, either finds a gap still, or reads all of it.
struct GapRepair {
    let settings: PipelineSettings
    let ports: PipelinePorts
    let progress: Progress
    let logger: Logger

    /// - Parameter gap: what the start has found.
    func run(_ gap: Failure, _ state: PipelineState, tables: [TableState], from checkpoint: Checkpoint) async throws {
        try BackfillPlanner.requireMessages(of: state.source, begun: state.pipeline)
        // Before anything is dropped.
        _ = try await CurrentTables(ports: ports, pipeline: settings.pipeline).versions(of: tables)
        // Before the epoch is compared: whoever has taken the pipeline over meanwhile has a slot of its own by now.
        try await ports.source.acquire(wait: settings.takeOverWait) { _ in }
        tell(gap, tables, checkpoint)
        try await ports.store.want(
            tables.map { table in
                var wanted = table
                wanted.wanted = BackfillRequest(
                    cause: .gap, condition: nil,
                    removesGone: table.wasEmpty && settings.rules.lastModified(of: table) == nil,
                    requestedAt: .now,
                    host: settings.worker.host)
                return wanted
            }, of: state)
        try await ports.source.ensurePublication(tables: tables.names)
        try await ports.source.dropSlot()
        let point = try await ports.createSlot(settings, progress: progress, logger: logger).consistentPoint
        try await ports.store.replaceCheckpoint(Checkpoint(lsn: point), of: state)
        logger.notice("a new slot begins the stream", metadata: ["from": "\(point)"])
    }

    private func tell(_ gap: Failure, _ tables: [TableState], _ checkpoint: Checkpoint) {
        logger.warning(
            "accepting a data gap: changes are lost to the stream, every table is read again",
            metadata: [
                "gap": "\(gap.message)", "after": "\(checkpoint.lsn)", "tables": "\(tables.count)",
            ])
        let shared = tables.filter { !$0.wasEmpty || settings.rules.lastModified(of: $0) != nil }.map(
            \.part.description)
        if !shared.isEmpty {
            logger.warning(
                "documents of rows that are gone stay in collections that are not Wherry's alone",
                metadata: ["collections": "\(shared.joined(separator: ", "))"])
        }
        let written = tables.filter { settings.rules.lastModified(of: $0)?.isDualWritten == true }.map(
            \.collection)
        guard !written.isEmpty else { return }
        logger.warning(
            "documents that are newer than their rows stay as they are where an application writes too",
            metadata: ["collections": "\(written.joined(separator: ", "))"])
    }
}
