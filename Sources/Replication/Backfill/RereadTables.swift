import Mapping
import Model

/// The tables whose rows are read again, by the parts of collections that they have. Those that no backfill is about are
/// looked up in the catalogue when the first of their rows is read.
actor RereadTables {
    /// By collection.
    private var tables: [String: [BackfillTable]]
    /// Of tables that are gone.
    private var gone: Set<CollectionPart> = []
    private let lookUp: LookUp

    /// The part that the row is of, nil when it is no table's; and its table, nil when that is gone.
    typealias LookUp = @Sendable (_ reread: Reread) async throws -> (CollectionPart?, BackfillTable?)

    init(_ tables: [BackfillTable], lookUp: @escaping LookUp) {
        self.tables = Dictionary(grouping: tables, by: \.plan.collection)
        self.lookUp = lookUp
    }

    /// The rows by their tables; nil for those of tables that are gone.
    ///
    /// - Parameter rereads: of one collection.
    /// - Throws: `Failure(.configuration)` for a table that can't be replicated any more.
    func byTable(_ rereads: [Reread]) async throws -> [(table: BackfillTable?, rows: [Reread])] {
        var groups: [(table: BackfillTable, rows: [Reread])] = []
        var lost: [Reread] = []
        for reread in rereads {
            if let index = groups.firstIndex(where: { $0.table.plan.part.contains(reread) }) {
                groups[index].rows.append(reread)
            } else if let table = try await table(of: reread) {
                groups.append((table, [reread]))
            } else {
                lost.append(reread)
            }
        }
        return groups + (lost.isEmpty ? [] : [(nil, lost)])
    }

    private func table(of reread: Reread) async throws -> BackfillTable? {
        let known = tables[reread.collection]?.first { $0.plan.part.contains(reread) }
        if let known { return known }
        if gone.contains(where: { $0.contains(reread) }) { return nil }
        let (part, found) = try await lookUp(reread)
        guard let found else {
            if let part { gone.insert(part) }
            return nil
        }
        tables[reread.collection, default: []].append(found)
        return found
    }
}
