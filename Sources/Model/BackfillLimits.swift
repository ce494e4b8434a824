/// What filling a pipeline may cost its servers: how fast rows are read, and beyond what a live backfill pauses. The
/// configuration says it; what `wherry set` has stored stands over that.
package struct BackfillLimits: Hashable, Sendable {
    /// A limit, by its name in the configuration and in the state database.
    package enum Key: String, CaseIterable, Sendable {
        /// Rows that all readers together read in a second.
        case rowsPerSecond = "backfill.max_rows_per_second"
        /// How far the stream may be behind the source, in milliseconds.
        case lag = "backfill.max_lag"
        /// Bytes of WAL the slot may hold. When nothing is said, half of what the server allows, where it has a limit.
        case heldWAL = "backfill.max_held_wal"
        /// How far physical standbys may be behind with replaying, in milliseconds.
        case replicaLag = "backfill.max_replica_lag"
    }

    package enum Bound: Hashable, Sendable {
        /// Explicitly no limit, whatever is said elsewhere.
        case unlimited
        /// In the key's unit; at least 1.
        case at(Int)

        package var value: Int? {
            switch self {
            case .unlimited: nil
            case .at(let value): value
            }
        }
    }

    /// What is said; a key without a bound is decided elsewhere.
    package var bounds: [Key: Bound]

    package init(_ bounds: [Key: Bound] = [:]) { self.bounds = bounds }

    /// What applies when nothing is said: a target that is a minute behind can't take both, and the stream can't wait.
    package static let standard = BackfillLimits([.lag: .at(60_000)])

    package subscript(_ key: Key) -> Bound? { bounds[key] }

    /// These, and those below where these say nothing.
    package func over(_ below: BackfillLimits) -> BackfillLimits {
        BackfillLimits(bounds.merging(below.bounds) { own, _ in own })
    }
}
