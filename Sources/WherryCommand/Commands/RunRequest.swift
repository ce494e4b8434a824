import Model

/// What `wherry run` was asked to do.
package struct RunRequest: Sendable, Equatable {
    package enum Goal: Sendable, Equatable {
        /// Run until told to stop.
        case none
        /// Emit a message now and stop once the checkpoint has passed it.
        case caughtUp
        /// Stop once the checkpoint has reached this position.
        case position(LSN)
    }

    package let settings: Settings
    package let goal: Goal
    /// Collections that are not empty at the first start are accepted.
    package let adopts: Bool
    /// A data gap that the start finds is repaired: with a new slot, and every table read again.
    package let acceptsGap: Bool
    /// Another mapping than the documents were made by is taken, and the tables are read again.
    package var acceptsMappingChange = false
    /// Between two progress lines of the log.
    package let progressInterval: Duration
}
