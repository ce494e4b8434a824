import Logging
import Model

extension PipelinePorts {
    /// Makes the pipeline's slot, and tells whom that waits for.
    func createSlot(
        _ settings: PipelineSettings, progress: Progress, logger: Logger
    ) async throws -> ExportedSnapshot {
        defer { progress.update { $0.waiting = nil } }
        return try await source.createSlot(timeout: settings.slotCreationTimeout) { reason in
            progress.update { $0.waiting = Waiting(reason: reason, since: .now) }
            logger.notice("slot creation waits", metadata: ["for": "\(reason)"])
        }
    }
}
