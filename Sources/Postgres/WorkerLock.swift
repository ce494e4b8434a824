/// The advisory lock that marks a pipeline's one active worker, held by its replication session from the start, and so
/// also while the slot itself isn't in use (initial copy). It goes away with the session.
///
/// Two 32-bit keys: a constant class, and a hash of the pipeline's name. As such locks belong to a database, two
/// pipelines collide only there, and then the second one waits instead of damaging anything.
enum WorkerLock {
    /// "WHER".
    static let classID: UInt32 = 0x5748_4552

    /// FNV-1a, 32 bits.
    static func objectID(_ pipeline: String) -> UInt32 {
        pipeline.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }

    static func tryLock(_ pipeline: String) -> String {
        let keys = [classID, objectID(pipeline)].map { Int32(bitPattern: $0) }
        return "SELECT pg_catalog.pg_try_advisory_lock(\(keys[0]), \(keys[1]))"
    }
}

/// Who works on a pipeline at the moment.
package struct ActiveWorker: Hashable, Sendable {
    /// The server's process for it, as in `pg_stat_activity`.
    package let pid: Int
    package let applicationName: String
    /// nil for a local socket, or when the role may not see it.
    package let clientAddress: String?
    /// The server's timestamp, ISO form, UTC.
    package let since: String?

    /// For messages.
    package var summary: String {
        "pid \(pid), application \(applicationName.isEmpty ? "unnamed" : applicationName), "
            + "from \(clientAddress ?? "the server itself"), since \(since ?? "unknown")"
    }
}
