import BSON
import Mapping
import Model

extension PlanTable {
    /// `{_id: …}` of the row that a change writes or deletes.
    func key(of change: Change) throws -> BSONDocument? {
        let (table, _, row, old) = try DeadLetter.parts(of: change)
        return try plan(for: table).key(of: row, fallback: old)
    }
}

extension DeadLetter {
    /// Of a change that is not written.
    ///
    /// - Throws: `Failure(.dataRefused)` when its key can't be written either: there is nothing to hold back then.
    init(_ change: Change, of transaction: TransactionStart, because reason: String, plans: PlanTable) throws {
        let (table, kind, row, old) = try DeadLetter.parts(of: change)
        let plan = try plans.plan(for: table)
        var writer = BSONWriter(capacity: 256)
        let key = try plan.encodeKey(row, fallback: old, into: &writer)
        var keys = [BSONDocument(unchecked: writer.bytes(in: key))]
        if let old {
            let origin = try plan.encodeKey(old, into: &writer)
            if !writer.hasEqualBytes(origin, key) { keys.append(BSONDocument(unchecked: writer.bytes(in: origin))) }
        }
        self.init(
            collection: plan.collection, table: table.schema.name, keys: keys, kind: kind, reason: reason,
            origin: Origin(lsn: transaction.commitLSN, xid: transaction.xid, commitTime: transaction.commitTime),
            content: plan.content(of: row))
    }

    fileprivate static func parts(
        of change: Change
    ) throws -> (table: TableVersion, kind: Kind, row: Row, old: Row?) {
        switch change {
        case .insert(let table, let new): (table, .insert, new, nil)
        case .update(let table, let old, let new): (table, .update, new, old?.row)
        case .delete(let table, let old): (table, .delete, old.row, nil)
        case .truncate: throw Failure(.unexpected, "a truncation can't be held back")
        }
    }

    /// Of a row that was read and makes no document.
    init(_ row: Row, of table: BackfillTable, because failure: Failure) throws {
        var writer = BSONWriter(capacity: 256)
        let key = try table.plan.encodeKey(row, into: &writer)
        self.init(
            collection: table.plan.collection, table: table.version.schema.name,
            keys: [BSONDocument(unchecked: writer.bytes(in: key))], kind: .row, reason: failure.message,
            content: table.plan.content(of: row))
    }
}
