import BSON
import Mapping
import Model

/// The net writes of one batch to one collection, of whichever tables, grown change by change: every key has one write,
/// which the next change of that key is folded into.
///
/// | there is   | + whole row    | + part of a row | + delete | + key change away, part of a row |
/// |------------|----------------|-----------------|----------|----------------------------------|
/// | nothing    | insert/replace | set             | delete   | move from here                   |
/// | insert     | insert         | insert, merged  | delete   | whole: merged                    |
/// | replace    | replace        | replace, merged | delete   | whole: merged                    |
/// | set        | replace        | set, merged     | delete   | move from here, merged           |
/// | move       | replace        | move, merged    | delete   | move from its origin, merged     |
/// | delete     | replace        | (impossible)    | delete   | (impossible)                     |
struct CollectionBuilder {
    let writes: CollectionWrites
    private var index = KeyIndex()
    private(set) var coalesced = 0
    /// Of the table that the last change was of.
    private var oid: UInt32?

    /// What even one write takes: the first arena, the index, the objects themselves.
    static let leastBytes = 3 << 10

    init(plan: MappingPlan) {
        writes = CollectionWrites(
            collection: plan.collection, hasSpecialNames: plan.needsSetField, guardField: plan.streamGuard,
            expectsDocuments: plan.streamGuard != nil)
    }

    /// To be called before a change of another version of a table, or of another table, is added.
    mutating func adapt(to plan: MappingPlan) {
        if plan.needsSetField { writes.hasSpecialNames = true }
        guard plan.schema.oid != oid else { return }
        oid = plan.schema.oid
        writes.tables[plan.part] = plan.schema.name
    }

    /// - Parameter mayBeThere: whether a document may be there all the same: one that a backfill has still to remove.
    mutating func insert(_ row: Row, plan: MappingPlan, mayBeThere: Bool = false) throws {
        guard try plan.takes(row) else {
            if mayBeThere { delete(key: try plan.encodeKey(row, into: &writes.arena)) }
            return
        }
        let key = try plan.encodeKey(row, fallback: nil, into: &writes.arena)
        let body = try plan.encodeDocument(row, into: &writes.arena)
        put(.insert, key: key, body: body)
    }

    mutating func update(old: OldRow?, new: Row, plan: MappingPlan) throws {
        let newKey = try plan.encodeKey(new, fallback: old?.row, into: &writes.arena)
        var origin: Range<Int>?
        if let old {
            let oldKey = try plan.encodeKey(old.row, fallback: nil, into: &writes.arena)
            if !writes.arena.hasEqualBytes(oldKey, newKey) { origin = oldKey }
        }
        guard try plan.takes(new, old: old?.row) else {
            // It is none of the rows that become documents, and may have been one.
            if let origin { delete(key: origin) }
            return delete(key: newKey)
        }
        if plan.isWhole(new, with: old) {
            let body = try plan.encodeDocument(new, old: old?.row, into: &writes.arena)
            if let origin {
                delete(key: origin)
                put(.insert, key: newKey, body: body, origin: origin)
            } else {
                put(.replace, key: newKey, body: body)
            }
        } else {
            let sent = try plan.encodeSentFields(new, into: &writes.arena)
            if let origin {
                try move(from: origin, to: newKey, sent: sent, plan)
            } else {
                try set(key: newKey, sent: sent, plan)
            }
        }
    }

    /// Deletes the document that a row leaves by changing its key; nothing when the key is the same.
    mutating func leave(_ old: OldRow, for new: Row, plan: MappingPlan) throws {
        let newKey = try plan.encodeKey(new, fallback: old.row, into: &writes.arena)
        let oldKey = try plan.encodeKey(old.row, fallback: nil, into: &writes.arena)
        if !writes.arena.hasEqualBytes(oldKey, newKey) { delete(key: oldKey) }
    }

    mutating func delete(_ old: OldRow, plan: MappingPlan) throws {
        delete(key: try plan.encodeKey(old.row, fallback: nil, into: &writes.arena))
    }

    // MARK: - Folding

    private mutating func put(
        _ kind: DocumentWrite.Kind, key: Range<Int>, body: Range<Int>, origin: Range<Int> = 0..<0
    ) {
        let write = DocumentWrite(kind: kind, key: key, body: body, origin: origin)
        guard let position = position(of: key, or: write) else { return }
        if !origin.isEmpty { writes.writes[position].origin = origin }
        let isInsert = writes.writes[position].kind == .insert
        writes.writes[position].kind = isInsert ? .insert : .replace
        writes.writes[position].body = body
    }

    private mutating func delete(key: Range<Int>) {
        guard let position = position(of: key, or: DocumentWrite(kind: .delete, key: key)) else { return }
        writes.writes[position].kind = .delete
        writes.writes[position].body = 0..<0
    }

    private mutating func set(key: Range<Int>, sent: Range<Int>, _ plan: MappingPlan) throws {
        guard let position = position(of: key, or: DocumentWrite(kind: .set, key: key, body: sent)) else { return }
        guard writes.writes[position].kind != .delete else { throw impossible(plan.schema.name) }
        writes.writes[position].body = try merge(writes.writes[position].body, sent, plan)
    }

    private mutating func move(
        from oldKey: Range<Int>, to newKey: Range<Int>, sent: Range<Int>, _ plan: MappingPlan
    ) throws {
        let departure = DocumentWrite(kind: .delete, key: oldKey)
        var arrival = DocumentWrite(kind: .move, key: newKey, body: sent, origin: oldKey)
        if let position = position(of: oldKey, or: departure) {
            let there = writes.writes[position]
            switch there.kind {
            case .delete: throw impossible(plan.schema.name)
            case .insert, .replace:
                let moved = try merge(there.body, newKey, plan)
                arrival = DocumentWrite(
                    kind: .replace, key: newKey, body: try merge(moved, sent, plan), origin: oldKey)
            case .set: arrival.body = try merge(there.body, sent, plan)
            case .move:
                arrival.body = try merge(there.body, sent, plan)
                arrival.origin = there.origin
            }
            writes.writes[position] = departure
        }
        if let position = position(of: newKey, or: arrival) { writes.writes[position] = arrival }
    }

    /// - Throws: `Failure(.dataRefused)` when the parts are more than MongoDB takes.
    private func merge(_ base: Range<Int>, _ overlay: Range<Int>, _ plan: MappingPlan) throws -> Range<Int> {
        let merged = try writes.merge(base, overlay)
        guard merged.count <= MappingPlan.maximumDocumentSize else { throw plan.sizeRefusal }
        return merged
    }

    /// Where the write of an equal key stands; nil when there was none and `write` is now it.
    private mutating func position(of key: Range<Int>, or write: DocumentWrite) -> Int? {
        let writes = self.writes
        let next = Int32(writes.writes.count)
        let hash = writes.withBytes(key) { KeyIndex.hash($0) }
        let found = index.find(hash: hash, orInsert: next) {
            writes.arena.hasEqualBytes(writes.writes[Int($0)].key, key)
        }
        guard let found else {
            writes.writes.append(write)
            return nil
        }
        coalesced += 1
        return Int(found)
    }

    private func impossible(_ table: TableName) -> Failure {
        Failure(
            .unexpected, "the stream updates a row of \(table) in part after deleting it",
            hint: "This is a defect: please report it with the PostgreSQL version.")
    }
}
