import Logging
import Model
import Replication

/// What the commands need of the two databases, as functions. `Wiring` makes the real one; tests make their own.
///
/// Everything throws `Failure`. Nothing here prints.
package struct Backend: Sendable {
    /// A configuration file drafted from the source's catalogue.
    package var draft: @Sendable (DraftSource, Logger) async throws -> String
    /// Documents made of rows of a table; read-only.
    package var preview: @Sendable (PreviewRequest, Logger) async throws -> Preview
    /// Runs the pipeline until its goal is reached or `stop` asks for the end, writing to `progress` meanwhile.
    package var run: @Sendable (RunRequest, Model.Progress, Logger, StopSignal) async throws -> RunOutcome
    /// Makes the initial copy and ends, writing to `progress` meanwhile.
    package var snapshot:
        @Sendable (SnapshotRequest, Model.Progress, Logger, StopSignal) async throws -> SnapshotOutcome
    /// Asks for the backfill of a table, or changes one; where that is wanted, waits for its end or for `stop`.
    package var backfill: @Sendable (BackfillCall, Model.Progress, Logger, StopSignal) async throws -> BackfillReport
    /// Everything the preflight finds; read-only.
    package var check: @Sendable (Settings, _ adopts: Bool, Logger) async throws -> [Finding]
    package var status: @Sendable (Settings, Logger) async throws -> StatusReport
    /// Changes the limits of the pipeline's backfill (nil goes back to the configuration), and tells all that are set.
    package var set: @Sendable (Settings, [BackfillLimits.Key: BackfillLimits.Bound?]) async throws -> BackfillLimits
    /// Accepts that the columns of a table have changed, where `schema_changes` holds that back.
    package var acceptChange: @Sendable (Settings, TableName) async throws -> Void
    /// Adds tables to a pipeline that streams, takes some out, or lists them.
    package var tables: @Sendable (TablesCall, Logger) async throws -> TablesReport
    /// Reads what is held back, or changes what becomes of it.
    package var deadLetters: @Sendable (Settings, DeadLettersCall) async throws -> DeadLettersReport
    package var pipelines: @Sendable (Endpoints, Logger) async throws -> PipelinesReport
    /// Removes slot, publication and state, and the documents too if asked.
    package var drop: @Sendable (Settings, _ documents: Bool, Logger) async throws -> DropReport
    /// Name and version of each C library in use.
    package var libraries: @Sendable () -> [VersionReport.Library]
}

/// Why a run ended well.
package enum RunOutcome: String, Sendable, Encodable {
    /// A signal asked for it.
    case stopped
    case caughtUp = "caught_up"
    case positionReached = "position_reached"
}
