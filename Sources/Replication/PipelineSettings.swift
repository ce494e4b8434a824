import Model

/// What a run of a pipeline is told by its configuration.
package struct PipelineSettings: Sendable {
    /// When a run ends by itself.
    package enum End: Hashable, Sendable {
        /// Only when stopped.
        case never
        /// Once everything committed before the stream began is applied.
        case caughtUp
        case position(LSN)
    }

    package var pipeline: String
    package var slot: String
    package var publication: String
    package var targetDatabase: String
    /// Collections that hold documents already are overwritten by key.
    package var adopt = false
    package var copyWorkers = 2
    package var limits = BatchLimits()
    package var end = End.never
    package var worker: WorkerIdentity
    /// Frames received and not decoded yet, in bytes.
    package var queueBytes = 8 << 20
    package var heartbeatInterval = Duration.seconds(10)
    package var slotCreationTimeout = Duration.seconds(300)
    package var takeOverWait = Duration.seconds(10)

    package init(
        pipeline: String, slot: String, publication: String, targetDatabase: String, worker: WorkerIdentity
    ) {
        self.pipeline = pipeline
        self.slot = slot
        self.publication = publication
        self.targetDatabase = targetDatabase
        self.worker = worker
    }
}

/// How a run ended without a failure.
package enum PipelineEnd: Hashable, Sendable {
    case stopped
    /// The position asked for is applied.
    case reached(LSN)
}
