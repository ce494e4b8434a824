/// What the source says of itself and its standbys while a backfill reads from it.
package struct SourceLoad: Hashable, Sendable {
    /// The source's own clock.
    package let clock: SourceTime
    /// How far the slowest physical standby is behind with replaying, in milliseconds; nil without one, when all have
    /// replayed everything, or when the role may not see it.
    package let replicaLag: Int?
    /// Whether there are connected standbys whose lag the role may not see (`pg_monitor` is missing).
    package let hidesReplicas: Bool

    package init(clock: SourceTime, replicaLag: Int?, hidesReplicas: Bool) {
        self.clock = clock
        self.replicaLag = replicaLag
        self.hidesReplicas = hidesReplicas
    }
}

/// A transaction of the source that has written and isn't over, a prepared one too.
package struct RunningTransaction: Hashable, Sendable {
    /// Top-level id, 32 bits.
    package let xid: UInt32
    /// Who it is, for an operator: `pid 4711 (psql, role shop, idle in transaction) for 75 s`. No text of a query.
    package let summary: String

    package init(xid: UInt32, summary: String) {
        self.xid = xid
        self.summary = summary
    }
}
