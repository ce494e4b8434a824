import Synchronization

/// Tables that the stream has shown to have changed, whatever the catalogue says by now: the next start has them read
/// again. In memory alone; after a crash the stream comes to the same place again.
final class SchemaNotes: Sendable {
    private let oids = Mutex<Set<UInt32>>([])

    func note(_ oid: UInt32) { oids.withLock { _ = $0.insert(oid) } }

    func contains(_ oid: UInt32) -> Bool { oids.withLock { $0.contains(oid) } }

    /// They are stored.
    func clear() { oids.withLock { $0 = [] } }
}
