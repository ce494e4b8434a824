import BSON
import Mapping
import Model

/// How large a batch may grow. A source transaction joins a batch only if it fits as it was sent, change by change; what
/// it then becomes, coalesced and encoded, is what counts when the next transaction would join. So a batch exceeds the
/// limits by what one change adds, or by what encoding adds to one transaction.
package struct BatchLimits: Hashable, Sendable {
    /// Writes after coalescing, rows to be read again and letters.
    package var operations: Int
    /// Bytes of the arenas: documents and keys, those that coalescing has superseded too, what every collection takes
    /// (so that many of them, a command each, are no batch of minutes either), and letters; and what changes carried
    /// that shows in none of these (`Change.hiddenByteCount`).
    package var bytes: Int

    package init(operations: Int = 5000, bytes: Int = 4 << 20) {
        self.operations = operations
        self.bytes = bytes
    }
}

/// Grows one batch: source transactions that are whole, or a part of one that is too large for any batch.
package struct BatchBuilder {
    private var collections: [CollectionBuilder] = []
    /// Where a collection stands among them.
    private var places: [String: Int] = [:]
    /// Of the change before: changes come in runs.
    private var latest: (version: TableVersion, plan: MappingPlan, place: Int)?
    private(set) var counts = WriteBatch.Counts()
    package private(set) var bytes = 0
    /// Rows that have to be read again.
    var rereads: [Reread] = []
    /// Changes that can't be written.
    private var letters: [DeadLetter] = []
    /// Their keys.
    private var heldBack: Set<HeldKey> = []
    private var checkpoint: Checkpoint?

    package init() {}

    /// Whether a seal would give a batch (with writes, or just a newer position).
    var isEmpty: Bool { checkpoint == nil }
    var hasWrites: Bool { counts.writes > 0 }

    /// Operations as the limits count them.
    var load: Int { counts.writes + rereads.count + letters.count }

    var hasLetters: Bool { !letters.isEmpty }

    /// Whether the batch holds a change of one of these keys back, so that later ones have to follow it.
    func holdsBack(_ keys: [HeldKey]) -> Bool { !heldBack.isDisjoint(with: keys) }

    mutating func add(_ letter: DeadLetter) {
        letters.append(letter)
        heldBack.formUnion(letter.heldKeys)
        bytes += letter.byteCount
    }

    /// Adds a letter of a change that nothing else is made of.
    mutating func add(_ letter: DeadLetter, of change: Change) {
        counts.changes += 1
        add(letter)
    }

    /// - Parameter unfinished: those whose backfill is not finished.
    package mutating func add(_ change: Change, plans: PlanTable, unfinished: Set<CollectionPart> = []) throws {
        counts.changes += 1
        bytes += change.hiddenByteCount
        switch change {
        case .insert(let table, let new):
            try fold(table, plans) { builder, plan in
                try builder.insert(new, plan: plan, mayBeThere: unfinished.contains(plan.part))
            }
        case .update(let table, let old, let new):
            try fold(table, plans) { builder, plan in try builder.update(old: old, new: new, plan: plan) }
        case .delete(let table, let old):
            try fold(table, plans) { builder, plan in try builder.delete(old, plan: plan) }
        case .truncate:
            throw Failure(.unexpected, "a truncation reached a batch")
        }
    }

    /// Counts a change whose row is read again: nothing of it is written, but that its old key is left.
    mutating func addReadAgain(_ change: Change, plans: PlanTable) throws {
        counts.changes += 1
        guard case .update(let table, let old?, let new) = change else { return }
        try fold(table, plans) { builder, plan in try builder.leave(old, for: new, plan: plan) }
    }

    private mutating func fold(
        _ table: TableVersion, _ plans: PlanTable, _ body: (inout CollectionBuilder, MappingPlan) throws -> Void
    ) throws {
        let (plan, place) = try target(of: table, plans)
        let writes = collections[place].writes
        let before = (writes: writes.writes.count, bytes: writes.arena.count, coalesced: collections[place].coalesced)
        defer {
            counts.writes += writes.writes.count - before.writes
            bytes += writes.arena.count - before.bytes
            counts.coalesced += collections[place].coalesced - before.coalesced
        }
        try body(&collections[place], plan)
    }

    /// The plan of a table version, and where its collection stands.
    private mutating func target(of table: TableVersion, _ plans: PlanTable) throws -> (MappingPlan, place: Int) {
        if let latest, latest.version === table { return (latest.plan, latest.place) }
        let plan = try plans.plan(for: table)
        let place = places[plan.collection] ?? collections.count
        if place == collections.count {
            collections.append(CollectionBuilder(plan: plan))
            bytes += CollectionBuilder.leastBytes
            places[plan.collection] = place
        }
        collections[place].adapt(to: plan)
        latest = (table, plan, place)
        return (plan, place)
    }

    /// The checkpoint after everything added so far.
    package mutating func advance(to checkpoint: Checkpoint, endsTransaction: Bool) {
        self.checkpoint = checkpoint
        if endsTransaction { counts.transactions += 1 }
    }

    mutating func markSplit() { counts.startsSplitTransaction = true }

    /// The batch so far; the builder is empty afterwards.
    ///
    /// - Parameter incomplete: those whose backfill is not finished.
    package mutating func seal(incomplete: Set<CollectionPart> = []) -> WriteBatch? {
        guard let checkpoint else { return nil }
        for part in incomplete {
            if let place = places[part.collection] { collections[place].writes.incomplete.append(part) }
        }
        let sorted = collections.filter { !$0.writes.writes.isEmpty }
            .sorted { $0.writes.collection < $1.writes.collection }
        var batch = WriteBatch(checkpoint: checkpoint, collections: sorted.map(\.writes), counts: counts)
        batch.rereads = rereads
        batch.letters = letters
        self = BatchBuilder()
        return batch
    }
}
