/// One version of one table: every RELATION message makes a new one. Compared by identity.
package final class TableVersion: Sendable {
    package let schema: TableSchema
    /// The catalogue doesn't have the table any more, and the stream doesn't announce it: there are only the columns
    /// that its changes have shown.
    package let isGone: Bool

    package init(schema: TableSchema, isGone: Bool = false) {
        self.schema = schema
        self.isGone = isGone
    }
}

/// What happened to one row, or to whole tables.
package enum Change: Sendable {
    case insert(TableVersion, new: Row)
    /// `old` is nil when no column of the replica identity changed (and it is not FULL).
    case update(TableVersion, old: OldRow?, new: Row)
    case delete(TableVersion, old: OldRow)
    case truncate([TableVersion])
}

/// What a decoder makes of one frame, in the order of the stream. Only committed transactions appear, one after the
/// other, in the order of their commits.
package enum StreamEvent: Sendable {
    case begin(TransactionStart)
    /// A table the decoder doesn't know yet, or knows differently: resolve it and register it with the decoder before
    /// the next frame is decoded.
    case relation(WireRelation)
    case change(Change)
    case message(LogicalMessage)
    case commit(TransactionEnd)
    /// From a keepalive: everything that committed before this position has been sent.
    case position(LSN)
}

package struct TransactionStart: Hashable, Sendable {
    /// Position of the commit record. (Confirm the *end* position of the commit, never this one.)
    package let commitLSN: LSN
    package let commitTime: SourceTime
    /// Top-level transaction id, 32 bits as on the wire.
    package let xid: UInt32

    package init(commitLSN: LSN, commitTime: SourceTime, xid: UInt32) {
        self.commitLSN = commitLSN
        self.commitTime = commitTime
        self.xid = xid
    }
}

package struct TransactionEnd: Hashable, Sendable {
    package let commitLSN: LSN
    /// Just after the commit record: the position that may be confirmed.
    package let endLSN: LSN
    package let commitTime: SourceTime

    package init(commitLSN: LSN, endLSN: LSN, commitTime: SourceTime) {
        self.commitLSN = commitLSN
        self.endLSN = endLSN
        self.commitTime = commitTime
    }
}

/// From `pg_logical_emit_message`.
package struct LogicalMessage: Hashable, Sendable {
    package let lsn: LSN
    package let isTransactional: Bool
    package let prefix: String
    package let content: [UInt8]

    package init(lsn: LSN, isTransactional: Bool, prefix: String, content: [UInt8]) {
        self.lsn = lsn
        self.isTransactional = isTransactional
        self.prefix = prefix
        self.content = content
    }
}

/// A table as the stream shows it: a RELATION message of pgoutput, or what a line of wal2json lets one see. Types are
/// numbers until the catalogue resolves them.
package struct WireRelation: Hashable, Sendable {
    /// Which of a table's columns it has.
    package enum Extent: Hashable, Sendable {
        /// Everything that is announced: pgoutput.
        case announced
        /// Those of a whole row, generated ones too. Like what follows it has no oid, and says nothing of the identity.
        case whole
        /// Those of a row, perhaps without some that are stored out of line.
        case withoutToast
        /// Those of a key at most.
        case identity
    }

    package struct Column: Hashable, Sendable {
        package let name: String
        package let typeOID: UInt32
        package let typeModifier: Int32
        package let isIdentity: Bool

        package init(name: String, typeOID: UInt32, typeModifier: Int32, isIdentity: Bool) {
            self.name = name
            self.typeOID = typeOID
            self.typeModifier = typeModifier
            self.isIdentity = isIdentity
        }
    }

    package let oid: UInt32
    package let name: TableName
    package let replicaIdentity: ReplicaIdentity
    package let columns: [Column]
    package let extent: Extent

    package init(
        oid: UInt32, name: TableName, replicaIdentity: ReplicaIdentity, columns: [Column], extent: Extent = .announced
    ) {
        self.oid = oid
        self.name = name
        self.replicaIdentity = replicaIdentity
        self.columns = columns
        self.extent = extent
    }
}

/// A moment by the source's clock: microseconds since 2000-01-01 00:00 UTC, as on PostgreSQL's wire.
package struct SourceTime: Hashable, Comparable, Sendable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// Seconds between 1970-01-01 and 2000-01-01.
    package static let epochOffsetSeconds: Int64 = 946_684_800

    /// Milliseconds since 1970-01-01 UTC, cut towards the past: a BSON date.
    package var unixMilliseconds: Int64 {
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1000)
        return quotient - (remainder < 0 ? 1 : 0) + SourceTime.epochOffsetSeconds * 1000
    }

    package static func < (left: SourceTime, right: SourceTime) -> Bool { left.microseconds < right.microseconds }
}
